"""The kernel itself takes the CPUs: it looks for free memory, or for memory in one piece.

What happens:  memory is full of cache or cut into small pieces. Every allocation then makes the kernel search and
               move pages, in the context of the asking process. CPUs are busy, but in kernel mode (red in htop), and
               epochs get longer. Machines with many cores and no swap are hit hardest.
How we know:   the kernel takes 40 % or more of the busy CPU time, and processes scan 1000 pages a second or more to
               make room, or wait for compaction 10 times a second. Both together are decisive: kernel time alone may
               be I/O, page faults or a sandbox.
Looks like:    cpu-starved-augmentation (user time); swap-thrash (pages go to swap); cgroup-page-cache-pressure (the
               limit of the group is full, not the machine).
What helps:    free memory: fewer workers, other programs, a smaller cached data set [CONSENT]; transparent huge pages
               to madvise, a higher vm.min_free_kbytes [ADVICE: administrator].
Source:        MONAI issues 3116, 1589.
"""

from holter.causes.offers import FEWER_WORKERS, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, supports, symptom

CAUSE = "kernel-time-reclaim"

SENTENCES = describe(
    CAUSE,
    title="CPU time lost to memory reclaim",
    meaning="The CPUs are busy in the kernel, which searches for free memory.",
    findings={
        "kernel-takes-little": "the kernel takes only {percent} % of the busy CPU time",
        "no-scan-for-room": "no process has to reclaim memory itself",
        "waits-for-compaction": "processes wait for memory to be compacted, {value} times a second",
    },
    remedies={
        "look-at-reclaim": "See twice, some seconds apart, whether these counters grow.",
        "huge-pages-on-request": (
            "Ask the administrator to set transparent huge pages to madvise and to raise vm.min_free_kbytes."
        ),
    },
)

RULES = (
    Rule("cpu.system_ratio", at_least(0.4), "kernel-takes-cpu", 2.0, group="kernel"),
    Rule("memory.direct_scans_per_s", at_least(1000.0), "scans-for-room", 1.5, group="reclaim"),
    Rule("memory.compact_stalls_per_s", at_least(10.0), "waits-for-compaction", 1.5, group="reclaim"),
    supports("pressure.memory", at_least(0.05), "memory-pressure", weight=0.5),
    against("cpu.system_ratio", at_most(0.25), "kernel-takes-little", fatal=True),
    against("memory.direct_scans_per_s", at_most(10.0), "no-scan-for-room", weight=1.5),
    against("swap.in_bytes_per_s", at_least(4e6), "swaps-in", weight=2.0),
    against("workers.stopped", is_true, "worker-stopped", weight=2.0),
    against("episode.kind", one_of("death", "unsaved"), "something-ended", fatal=True),
    symptom("kernel-time"),
)

OFFERS = (
    Offer("look-at-reclaim", "SAFE", "grep -E 'pgscan_direct|compact_stall|allocstall' /proc/vmstat"),
    FEWER_WORKERS,
    Offer("huge-pages-on-request", "ADVICE"),
)
