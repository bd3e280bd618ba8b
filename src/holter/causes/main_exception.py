"""The training's own process raised an exception that nobody caught.

What happens:  an error in the main process (CUDA, torch.compile, the loss) ends the run. Its daemon
               workers are ended with it, and the sentence about background workers that follows is only an echo.
How we know:   the first exception in time belongs to the main process and is not an echo. Where its words tell what
               failed (a checkpoint that cannot be read, page-locked memory, a GPU that is not there, folders that are
               not set), the finding says it.
Looks like:    ram-oom-train-worker, fd-exhaustion and windows-spawn-commit (the exception says that memory or
               descriptors have run out: special cases of this one); worker-exception (the first exception is a
               worker's); disk-full-or-quota, shm-too-small and gpu-shared-or-zombie (the exception says that there is
               no room: special cases of this one); gpu-out-of-memory (batches that cannot be page-locked fail in the
               same words, and it is no want of the network's).
What helps:    read the first traceback, not the last; fix what it names; continue with --c [ADVICE]. Not from a
               checkpoint that cannot be read: set it aside, and nnU-Net takes the next one (checkpoint_best.pth);
               Holter keeps checkpoint_latest.previous.pth too [CONSENT]. "Weights only load failed": the file may be
               whole, nnunetv2 is older than this PyTorch: a newer nnunetv2, or PyTorch before 2.6 [CONSENT].
Source:        MIC-DKFZ/nnUNet issues 2203, 2457; tests/tapes/main_exception.
"""

from __future__ import annotations

from holter.causes.weigh import against, at_least, is_true, needs, one_of, supports, weigh
from holter.evidence import Evidence
from holter.evidence.error_kinds import is_special
from holter.records import Verdict

CAUSE = "main-exception"

# Kinds that no other cause explains and that say what failed: they change what is said, and not how sure it is.
TOLD = ("checkpoint-broken", "checkpoint-refused", "pinned-memory", "gpu-number", "no-paths")

RULES = (
    needs("exception.role", one_of("main"), "exception-in-main", otherwise="exception-not-in-main", weight=2.0),
    supports("exception.first", is_true, "first-exception"),
    *(supports("exception.kind", one_of(kind), kind, weight=0.0) for kind in TOLD),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=2.0),
    against("disk.error", is_true, "disk-explains", weight=2.0),
    against("shm.trouble", is_true, "shm-explains", weight=2.0),
    against("gpu.shared", one_of("memory"), "others-explain", weight=2.0),
    against("exception.truncated_file", is_true, "file-is-truncated", weight=2.0),
    against("results.gone", one_of("deleted", "replaced"), "results-are-gone", weight=2.0),
    against("limit.reached", is_true, "limit-reached", weight=2.0),
    against("memory.refused", is_true, "memory-was-refused", weight=2.0),
    against("exception.kind", is_special, "its-kind-explains", weight=2.0),
    against("oom.kills", at_least(1), "oom-counted", weight=1.5),
    against("exception.assertion", is_true, "assertion-told", weight=1.5),
)


def diagnose(evidence: Evidence) -> Verdict:
    """Weigh the facts."""
    return weigh(CAUSE, evidence, RULES)
