"""The memory in use is a little more than there is, and pages go to swap and back all the time.

What happens:  nothing dies, but everything waits: a page that a worker needs has just been written to disk. Epochs
               become slower the longer the machine is on; the disk is busy though the data set is small. Often
               another program, or the page cache, has taken the memory of the training.
How we know:   pages come back from swap at 4 MB/s or more, and all processes together lose 10 % of their time
               waiting for memory (PSI memory full). Both together are decisive. Swap that is only used, but not
               read, harms nobody.
Looks like:    slow-storage (reads of the data, no swap traffic); copy-on-read-growth (memory grows, nothing swapped
               yet); cgroup-page-cache-pressure (pages of files come back, not from swap).
What helps:    close other programs, or give the job more memory [ADVICE]; fewer workers and cached batches
               (nnUNet_n_proc_DA) [CONSENT]; vm.swappiness=1 [ADVICE: administrator]. Adding swap does not help: this
               then comes instead of a death.
Source:        MIC-DKFZ/nnUNet issues 1515, 912; MONAI issue 3116.
"""

from holter.causes.offers import FEWER_WORKERS, MORE_MEMORY, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, supports, symptom

CAUSE = "swap-thrash"

SENTENCES = describe(
    CAUSE,
    title="Swapping",
    meaning="Memory is a little too small: pages go to swap and back all the time.",
    findings={
        "hardly-swaps": "next to nothing comes back from swap ({detail})",
        "no-memory-pressure": "processes hardly wait for memory: {percent} % of the time",
        "run-in-swap": "a part of the run is in swap",
        "swaps-out": "pages go to swap ({detail})",
    },
    remedies={
        "who-is-swapped": "See which processes have memory in swap.",
    },
)

# A thousand pages per second: each one delays its process by a disk access.
SWAPPING = 4e6

RULES = (
    Rule("swap.in_bytes_per_s", at_least(SWAPPING), "swaps-in", 2.0, group="swap"),
    Rule("pressure.memory", at_least(0.1), "memory-pressure", 1.5, group="pressure"),
    supports("swap.out_bytes_per_s", at_least(SWAPPING), "swaps-out", weight=0.5),
    supports("swap.run_bytes", at_least(100 << 20), "run-in-swap", weight=0.5),
    supports("memory.used_ratio", at_least(0.9), "memory-full", weight=0.5),
    supports("epochs.shape", one_of("drift-up"), "epochs-have-this-shape", weight=0.5),
    against("swap.in_bytes_per_s", at_most(SWAPPING / 40), "hardly-swaps", fatal=True),
    against("pressure.memory", at_most(0.01), "no-memory-pressure", weight=2.0),
    against("workers.stopped", is_true, "worker-stopped", weight=2.0),
    against("episode.kind", one_of("death", "unsaved"), "something-ended", fatal=True),
    symptom("swap-full"),
    symptom("ram-full", weight=0.5),
)

OFFERS = (
    Offer("who-is-swapped", "SAFE", "grep VmSwap /proc/[0-9]*/status | sort -k 2 -n | tail"),
    FEWER_WORKERS,
    MORE_MEMORY,
)
