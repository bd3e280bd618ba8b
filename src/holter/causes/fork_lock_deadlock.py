"""A worker was forked while a lock of a library was held, and waits forever for its release.

What happens:  fork copies one thread and every lock. Where another thread of the main process held one at that
               moment (OpenMP or BLAS threads, cv2, logging, threadpoolctl), nobody in the child will ever release it.
               The training hangs at its first batch; GPU memory is taken, GPU and CPU are at 0 %. With one process it
               works.
How we know:   the main thread of a data worker sits in a futex and was not woken once in 4 s (a healthy one wakes
               every 20 ms), its stack ends in library code rather than in the passing of batches, and no batch is
               ready. All three are decisive.
Looks like:    frozen-worker (state T); slow-storage (state D, or a read); a healthy worker that waits for room in its
               queue (wakes all the time, batches are ready); nested-threadpoolctl-fork-crash (the lock is that of
               threadpoolctl and batchgenerators is 0.25.1).
What helps:    start workers without fork: HOLTER_START_METHOD=forkserver with OMP_NUM_THREADS=1 [CONSENT]; then
               continue with --c [CONSENT]. import numpy before torch, cv2.setNumThreads(0) in own transforms [ADVICE].
               nnUNet_n_proc_DA=0 avoids it too, at several times the epoch time.
Source:        MIC-DKFZ/nnUNet issues 145, 696; batchgenerators issue 50; pytorch issues 45198, 1355, 1838;
               tests/tapes/fork_lock_deadlock.
"""

from holter.causes.offers import END_AND_CONTINUE, WITHOUT_FORK, Offer
from holter.causes.sentences import describe
from holter.causes.steps import ALONE, IN_EPOCH, NOT_FORKED
from holter.causes.weigh import Rule, against, is_false, is_true, no_symptom, one_of, supports, symptom

CAUSE = "fork-lock-deadlock"

SENTENCES = describe(
    CAUSE,
    title="Worker waits on a lock forever",
    meaning="A worker was forked while a lock was held, and nobody will ever release it.",
    findings={
        "main-waits-elsewhere": "the main thread does not wait for a batch ({detail})",
        "no-standstill": "it is no stall",
        "no-worker-locked": "no worker sleeps on a lock",
    },
    remedies={
        "threads-of-own-transforms": "In transforms of your own: cv2.setNumThreads(0), and import numpy before torch.",
    },
)

RULES = (
    Rule("workers.locked", is_true, "workers-locked", 2.0, group="locked"),
    Rule("workers.lock", is_true, "locked-in", 2.0, group="lock"),
    Rule("main.waits_on", one_of("batch-queue"), "main-waits-for-workers", 1.0, group="wait"),
    Rule("queue.ready", one_of("empty"), "ready-queue-empty", 0.5, group="wait"),
    supports("activity.present", is_false, "nobody-works", weight=0.5),
    against("workers.locked", is_false, "no-worker-locked", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    against("workers.blocked", is_true, "worker-blocked", weight=2.0),
    against("queue.ready", one_of("full"), "ready-queue-full", weight=1.5),
    against("main.waits_on", one_of("native-call", "checkpoint", "file-read"), "main-waits-elsewhere", weight=2.0),
    against("software.batchgenerators", one_of("0.25.1"), "batchgenerators-nests", weight=1.5),
    against("episode.kind", one_of("death", "creep", "unsaved"), "no-standstill", fatal=True),
    symptom("lock-after-fork"),
    symptom("fine-without-workers", weight=1),
    no_symptom("same-without-workers"),
)

# Wherever a batch is late, the main thread waits and the queue is empty: only the lock itself makes it this cause.
ONLY_IF_SEEN = ("workers.locked", "workers.lock", "symptoms")

OFFERS = (WITHOUT_FORK, END_AND_CONTINUE, Offer("threads-of-own-transforms", "ADVICE"))
LADDER = (IN_EPOCH, NOT_FORKED, ALONE)
