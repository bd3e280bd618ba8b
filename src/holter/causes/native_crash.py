"""Native code in the training's own process crashed.

What happens:  a library that is no Python (PyTorch, CUDA, the C library under them) damages memory or does what it may
               not: "free(): corrupted unsorted chunks", "malloc(): invalid size", "double free", "Segmentation fault".
               The process ends at once, without a traceback and without a checkpoint.
How we know:   the main process ended by SIGSEGV, SIGABRT, SIGILL or SIGFPE, and no exception came before. Which library
               it was cannot be told from that, so this is never confirmed.
Looks like:    faulty-host-hardware (different signals, machine checks in the kernel log); worker-killed (a worker
               crashed, not the training); main-exception and ddp-collective-timeout (an error first, then an abort).
What helps:    another version of the package that crashes: reports of "free(): corrupted unsorted chunks" are of
               nnunetv2 2.5.1, and 2.4.2 did not do it there; nnUNet_compile=f; PyTorch of another release; continue
               with --c [CONSENT]. python -X faulthandler prints where it was [SAFE].
Source:        MIC-DKFZ/nnUNet issues 2523, 2557; tests/tapes/native_crash.
"""

from __future__ import annotations

from holter.causes.nested_threadpoolctl_fork_crash import CRASHES
from holter.causes.weigh import against, at_least, is_true, one_of, only, supports, weigh
from holter.evidence import Evidence
from holter.evidence.error_kinds import is_special
from holter.records import Verdict

CAUSE = "native-crash"

RULES = (
    supports("main.exit_signal", one_of(*CRASHES), "main-ended-by-signal", weight=2.0),
    against("main.exit_signal", lambda number: number not in CRASHES, "main-not-ended-by-a-crash", fatal=True),
    against("exception.first", is_true, "exception-came-first", weight=1.5),
    against("exception.kind", is_special, "its-kind-explains", weight=1.5),
    against("hardware.kernel_errors", is_true, "machine-check", weight=1.5),
    against("gpu.xid_kind", one_of("gone", "memory"), "xid-hardware", weight=1.5),
    against("data.read_only", is_true, "data-read-only", weight=2.0),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=1.0),
    only("death"),
)


def diagnose(evidence: Evidence) -> Verdict:
    """Weigh the facts."""
    return weigh(CAUSE, evidence, RULES)
