"""A process cannot open any more files: it has reached its limit of open descriptors.

What happens:  PyTorch hands tensors over as open descriptors, and every batch in a queue holds some. Where the limit
               is low (1024 in many shells), they run out: "Too many open files", or "received 0 items of ancdata"
               where a descriptor could not be received. Often only after many epochs.
How we know:   the exception says so; a process with 80 % or more of its limit in use confirms it.
Looks like:    shm-too-small (shared memory itself is full); disk-full-or-quota (no inode left: another error);
               the messages of other processes after a worker died from it.
What helps:    ulimit -n 65535 before the start (Slurm, Docker: --ulimit nofile=65535) [SAFE: result unchanged];
               --sharing file_system, where /dev/shm has room [CONSENT]; fewer workers [CONSENT]; then continue with
               --c.
Source:        pytorch issue 973; ahcore issue 96; MaskTextSpotterV3 issue 51; MIC-DKFZ/nnUNet issues 1732, 130;
               tests/tapes/fd_exhaustion.
"""

from holter.causes.offers import CONTINUE_ENDED, FEWER_WORKERS, SHARE_THROUGH_FILES, Offer
from holter.causes.sentences import describe
from holter.causes.steps import FOR_DESCRIPTORS
from holter.causes.weigh import Rule, against, at_least, at_most, one_of, supports

CAUSE = "fd-exhaustion"

SENTENCES = describe(
    CAUSE,
    title="Too many open files",
    meaning="A process has reached its limit of open files.",
    findings={
        "descriptor-limit-low": "the limit of open files is low: {value}",
        "descriptors-left": "only {percent} % of the limit of open files are in use ({detail})",
        "descriptors-used": "{percent} % of the limit of open files are in use ({detail})",
        "no-descriptor-left": "an exception says that no more files can be opened",
    },
    remedies={
        "raise-descriptor-limit": "Raise the limit of open files in the shell that starts the training.",
    },
)
ERROR_TEXTS = (
    "OSError: [Errno 24] Too many open files",
    "RuntimeError: received 0 items of ancdata",
    "RuntimeError: Too many open files. Communication with the workers is no longer possible.",
)

# Descriptors are counted every five seconds, and the last fifth may go within one batch. A limit that is lowered during
# a run counts only from the next reading: few descriptors in use speak little against the error itself.
NEAR = 0.8
# The default soft limit of most shells.
LOW = 1024

RULES = (
    Rule("exception.kind", one_of("descriptors"), "no-descriptor-left", 3.0, group="error"),
    Rule("fds.used_ratio", at_least(NEAR), "descriptors-used", 1.5, group="limit"),
    supports("fds.limit", at_most(LOW), "descriptor-limit-low", weight=0.5),
    against("exception.kind", lambda kind: kind != "descriptors", "exception-says-otherwise", fatal=True),
    against("fds.used_ratio", at_most(0.5), "descriptors-left", weight=0.5),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=2.0),
    against("episode.kind", one_of("slow-down", "creep", "unsaved"), "still-running", fatal=True),
)

OFFERS = (
    Offer("raise-descriptor-limit", "SAFE", "ulimit -n 65535"),
    SHARE_THROUGH_FILES,
    FEWER_WORKERS,
    CONTINUE_ENDED,
)
LADDER = FOR_DESCRIPTORS
