"""Only the echo is known: something died before, and this sentence does not say what.

What happens:  "One or more background workers are no longer alive" is printed by any process that notices. The error
               itself is above it, or in another window or file, or there is none because a signal ended the process.
               The same sentence serves a dozen causes.
How we know:   the sentence was said, and neither a first exception nor an exit signal is known. As soon as one of
               them is, this is no cause any more; so it is never confirmed.
Looks like:    main-exception (the main process raised first, its workers were ended after it); worker-exception;
               worker-killed, ram-oom-train-worker, shm-too-small (a signal, nothing above the sentence).
What helps:    look further up for the first traceback, from its first line [SAFE]; if there is none, look for a kill:
               dmesg -T | grep -iE "killed process|segfault" [SAFE]; run again under holter run, which records how each
               process ended [SAFE]. Restarting with other settings before the cause is known proves nothing.
Source:        MIC-DKFZ/nnUNet issues 2203, 2457, 1999, 2115, 2659, 1406.
"""

from holter.causes.nested_threadpoolctl_fork_crash import NESTED
from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.steps import UNEXPLAINED
from holter.causes.weigh import against, at_least, is_true, one_of, supports

CAUSE = "secondary-worker-message"

SENTENCES = describe(
    CAUSE,
    title="Only an echo",
    meaning="This sentence only repeats that something died before; the reason is further up, or was not printed.",
    findings={
        "mostly-memory": "in this part of nnU-Net the sentence mostly means that memory ran out",
        "only-an-echo": "all that is known is a sentence that repeats that something died ({detail})",
    },
    remedies={
        "find-first-traceback": "Look further up in the console for the first traceback, from its first line.",
        "find-kill": "If there is no traceback, look for a kill or crash in the kernel log.",
        "record-next-time": "Run it again under Holter, which records how each process ended.",
    },
)
ERROR_TEXTS = (
    "RuntimeError: One or more background workers are no longer alive. Exiting. "
    "Please check the print statements above for the actual error message",
    "RuntimeError: MultiThreadedAugmenter.abort_event was set, something went wrong. Maybe one of your workers "
    "crashed. This is not the actual error message!",
)
PRESUPPOSES = ("nnunet",)

RULES = (
    supports("echo.says", is_true, "only-an-echo"),
    against("echo.says", one_of("export", "prediction", "preprocessing"), "mostly-memory", weight=0.5),
    against("software.batchgenerators", one_of(*NESTED), "batchgenerators-nests", weight=0.55),
    against("exception.first", is_true, "exception-came-first", fatal=True),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", fatal=True),
    against("worker.exit_code", at_least(0), "worker-left", weight=0.5),
    against("compile.missing", is_true, "compile-lacks", fatal=True),
    against("exception.assertion", is_true, "assertion-printed", fatal=True),
    against("main.exit_signal", at_least(1), "main-ended-by-signal", fatal=True),
    against("oom.kills", at_least(1), "oom-counted", fatal=True),
    against("episode.kind", one_of("slow-down", "creep", "unsaved"), "still-running", fatal=True),
)

OFFERS = (
    Offer("find-first-traceback", "SAFE"),
    Offer("find-kill", "SAFE", "dmesg -T | grep -iE 'killed process|segfault'"),
    Offer("record-next-time", "SAFE", "holter run -- {continue}"),
)
LADDER = UNEXPLAINED
