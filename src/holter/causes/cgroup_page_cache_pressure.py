"""The memory limit of the job leaves no room for the page cache: the data is read from disk again and again.

What happens:  a cgroup counts the cache of files it reads as its own memory. Where the limit is smaller than
               processes and data set together, the kernel drops pages that are needed again at once. The same disk is
               fast on the bare node and slow in the Slurm or Kubernetes job. Now and then it ends in an OOM kill
               though the processes are small.
How we know:   the limit is 95 % full, cache is 15 % of it or more, or 30 % of the cache before has been dropped, and at
               least 250 dropped pages a second (1 MB/s) are read again (workingset refaults of the group). All
               together are decisive.
Looks like:    slow-storage (the disk is slow for everybody, no refaults); swap-thrash (pages of processes, by swap);
               ram-oom-train-worker (processes themselves fill the limit).
What helps:    ask for more memory (--mem), enough for the processes and the data set of the fold [ADVICE]; fewer
               workers leave more room for cache [CONSENT]; a local SSD makes re-reading cheap [SAFE].
Source:        microsoft/pai issue 5799; htcondor issue 2575; deeplake issue 2987;
               tests/tapes/cgroup_page_cache_pressure.
"""

from holter.causes.offers import FEWER_WORKERS, MORE_MEMORY, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, supports

CAUSE = "cgroup-page-cache-pressure"

SENTENCES = describe(
    CAUSE,
    title="No memory for the page cache",
    meaning="The memory limit of the job leaves none for the page cache; the data is read from disk again and again.",
    findings={
        "cache-dropped": "{percent} % of the earlier page cache has been dropped ({detail})",
        "cache-holds": "the cache holds: hardly any page is read twice ({value} a second)",
        "cache-in-limit": "page cache takes {percent} % of the memory limit ({detail})",
    },
)

# 1 MB per second of pages that were in memory a moment ago; a busy file server delivers little more.
REFAULTS = 250.0

RULES = (
    Rule("memory.refaults_per_s", at_least(REFAULTS), "pages-read-again", 2.0, group="refaults"),
    Rule("memory.cache_ratio", at_least(0.15), "cache-in-limit", 1.0, group="cache"),
    Rule("memory.cache_dropped_ratio", at_least(0.3), "cache-dropped", 1.0, group="cache"),
    Rule("memory.used_ratio", at_least(0.95), "memory-full", 1.0, group="full"),
    supports("pressure.memory", at_least(0.05), "memory-pressure", weight=0.5),
    supports("workers.blocked", is_true, "worker-blocked", weight=0.5),
    against("memory.refaults_per_s", at_most(REFAULTS / 25), "cache-holds", fatal=True),
    against("wait.ratio", at_most(0.2), "hardly-waits-for-batches", weight=2.0),
    against("workers.stopped", is_true, "worker-stopped", weight=2.0),
    against("episode.kind", one_of("death", "creep", "unsaved"), "something-ended", fatal=True),
)

OFFERS = (Offer("copy-to-local-disk", "SAFE", of_nnunet=True), MORE_MEMORY, FEWER_WORKERS)
