"""A data worker raised a Python exception and ended the training with it.

What happens:  loading or augmenting one case fails. The worker prints a traceback and stops; nnU-Net then ends with
               the sentence about background workers, which does not name the reason.
How we know:   the earliest exception comes from a data worker (repetitions of it in other processes do not count);
               the hook reports the case.
Looks like:    ram-oom-train-worker, fd-exhaustion, threadpoolctl-version, windows-spawn-commit and
               truncated-preprocessed-file (special cases of this one, known by their exceptions); worker-killed (no
               traceback, a signal); main-exception (the main process raised first).
What helps:    the traceback and the case named here; verify the data set integrity; preprocess that case again
               [CONSENT].
Source:        MIC-DKFZ/nnUNet issues 1437, 1406, 2659; tests/tapes/worker_exception.
"""

from holter.causes.lacking import by_exception
from holter.causes.offers import CONTINUE, PREPROCESS_CASE, Offer
from holter.causes.sentences import describe
from holter.causes.steps import AGAIN, IN_EPOCH
from holter.causes.weigh import against, at_least, is_true, needs, one_of, supports
from holter.evidence.error_kinds import is_special

CAUSE = "worker-exception"

SENTENCES = describe(
    CAUSE,
    title="Error in a data worker",
    meaning="A worker process ended with a Python error.",
    headline="{subject} ended with a Python error.",
    findings={
        "exception-in-worker": "it was raised in a worker process",
        "exception-not-in-worker": "it was not raised in a worker process",
    },
    remedies={
        "verify-dataset": "Check the data set's integrity.",
    },
)
ERROR_TEXTS = ("RuntimeError: Caught KeyError in DataLoader worker process 0.",)

RULES = (
    needs(
        "exception.role",
        one_of("train-worker", "val-worker", "export-worker"),
        "exception-in-worker",
        otherwise="exception-not-in-worker",
        weight=2.0,
    ),
    supports("exception.first", is_true, "first-exception"),
    supports("workers.case", is_true, "case-in-hand", weight=0.5),
    against("exception.truncated_file", is_true, "file-is-truncated", weight=2.0),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=2.0),
    against("disk.error", is_true, "disk-explains", weight=2.0),
    against("shm.trouble", is_true, "shm-explains", weight=2.0),
    against("exception.kind", is_special, "its-kind-explains", weight=2.0),
)

OFFERS = (PREPROCESS_CASE, Offer("verify-dataset", "ADVICE", of_nnunet=True), CONTINUE)
LADDER = (IN_EPOCH, AGAIN)
LADDER_BY_FACTS = by_exception
