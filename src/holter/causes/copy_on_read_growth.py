"""Workers turn shared pages into pages of their own just by reading Python objects: memory grows with every epoch.

What happens:  after a fork, parent and workers share all pages. Reading a Python object writes its reference count,
               and the page is copied. With a data set kept in lists or dictionaries each worker copies it in the end.
               The RSS of each looks flat, but the memory fills, and hours later the kernel kills a process.
How we know:   the private pages of the workers grow by 50 MB an hour or more while the shared ones fall by at least
               half as much: shared pages have become private ones. Both are decisive.
Looks like:    a leak in a worker (private pages grow, the shared ones stay); malloc-arena-retention (the main process
               grows); ram-oom-train-worker (the end of it).
What helps:    keep large tables as numpy arrays or torch tensors, not as lists [CONSENT: own trainers only]; fewer
               workers copy less [CONSENT]; restart with --c before memory ends [CONSENT].
Source:        pytorch issues 5902, 20433, 19355, 2052; MONAI issues 5930, 3116; referit3d issue 5.
"""

from holter.causes.offers import END_AND_CONTINUE, FEWER_WORKERS, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, one_of, symptom

CAUSE = "copy-on-read-growth"

SENTENCES = describe(
    CAUSE,
    title="Workers copy shared memory",
    meaning="Workers turn pages that they shared into pages of their own; memory grows.",
    findings={
        "no-fork-on-windows": "Windows does not fork: nothing is shared that could be copied",
        "only-main-grows": "only the main process grows, not the workers",
        "private-does-not-grow": "the workers' own pages do not grow ({detail})",
        "private-grows": "the workers' own pages grow ({detail})",
        "shared-falls": "the pages that they share become fewer ({detail})",
        "shared-stays": "the pages that they share stay: it is a leak, not copying ({detail})",
    },
    remedies={
        "arrays-not-lists": "Keep large tables of your own as arrays or tensors, not as lists or dictionaries.",
    },
)

# For all workers together; in a day this is 1.2 GB.
GROWS = 50e6

RULES = (
    Rule("memory.private_growth_bytes_per_h", at_least(GROWS), "private-grows", 2.0, group="private"),
    Rule("memory.shared_growth_bytes_per_h", at_most(-GROWS / 2), "shared-falls", 2.0, group="shared"),
    against("memory.private_growth_bytes_per_h", at_most(GROWS / 5), "private-does-not-grow", fatal=True),
    against("memory.shared_growth_bytes_per_h", at_least(-GROWS / 10), "shared-stays", weight=2.0),
    against("memory.grows_in", one_of("main"), "only-main-grows", weight=1.0),
    against("system.os", one_of("windows"), "no-fork-on-windows", fatal=True),
    against("episode.kind", one_of("stall", "slow-down", "unsaved"), "no-memory-episode", fatal=True),
    symptom("copies-on-read"),
    # RSS counts shared pages too: a page that a worker copies leaves its RSS as it was, and the machine has one more.
    symptom("rss-stays"),
)

OFFERS = (Offer("arrays-not-lists", "CONSENT"), FEWER_WORKERS, END_AND_CONTINUE)
