"""The first epochs are slow because the data come from the disk; later they come from memory.

What happens:  every case is read from storage once and then stays in the page cache. Epoch times fall, e.g. from 550
               s to 330 s, and stay there. Nothing is wrong.
How we know:   epoch times decrease and then stay level, and the run reads at most three tenths as much from storage
               at the end of the recording as at its beginning.
Looks like:    slow-storage (it stays slow, memory is too small for the data); compile-warmup (only the first epoch is
               longer).
What helps:    nothing is needed [SAFE]; reading the data once before the training (vmtouch -t, or cat to /dev/null)
               where the memory is large enough [SAFE].
Source:        MIC-DKFZ/nnUNet issues 239, 323.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, only, supports

CAUSE = "page-cache-cold"

SENTENCES = describe(
    CAUSE,
    title="First epochs read from the disk",
    meaning="The first epochs read the data from the disk, the later ones from memory.",
    findings={
        "epochs-get-shorter": "epochs get shorter and then stay so",
        "first-epoch-was-slow": "the first epoch took {value} times as long as the others",
        "reads-as-before": "as much is read from storage as at first: {percent} % ({detail})",
        "reads-less-and-less": "{percent} % of what was read from storage at first is read now ({detail})",
    },
    remedies={
        "read-once": "Nothing is needed. Reading the data once before the training warms the cache.",
    },
)

RULES = (
    Rule("epochs.shape", one_of("decreasing"), "epochs-get-shorter", 3.0, group="shape"),
    Rule("cache.reads_late_ratio", at_most(0.3), "reads-less-and-less", 2.0, group="cache"),
    supports("epochs.shape", one_of("first-only"), "epochs-have-this-shape", weight=0.5),
    supports("epochs.first_times_usual", at_least(1.2), "first-epoch-was-slow", weight=0.5),
    against("cache.reads_late_ratio", at_least(0.7), "reads-as-before", weight=1.5),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    only("slow-down"),
)

OFFERS = (Offer("read-once", "SAFE", "find {preprocessed} -type f -exec cat {{}} + > /dev/null"),)
