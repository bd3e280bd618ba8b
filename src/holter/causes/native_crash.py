"""Native code in the training's own process crashed.

What happens:  a library of native code (PyTorch, CUDA, the C library below them) damages memory or does something
               forbidden: "free(): corrupted unsorted chunks", "malloc(): invalid size", "double free", "Segmentation
               fault". The process ends at once, without a traceback and without a checkpoint.
How we know:   the main process ended by SIGSEGV, SIGABRT, SIGILL, SIGFPE or SIGSYS, and no exception came before.
               Which library it was cannot be seen from that, so this is never confirmed.
Looks like:    faulty-host-hardware (different signals, machine checks in the kernel log); worker-killed (a worker
               crashed, not the training); main-exception and ddp-collective-timeout (an error first, then an abort).
What helps:    another version of the package that crashes: the reports of "free(): corrupted unsorted chunks" are about
               nnunetv2 2.5.1, not 2.4.2; nnUNet_compile=f; PyTorch of another release; continue with --c [CONSENT].
               python -X faulthandler prints where it was [SAFE].
Source:        MIC-DKFZ/nnUNet issues 2523, 2557; tests/tapes/native_crash.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, Offer, any_of, may_be_nnunet
from holter.causes.sentences import describe
from holter.causes.steps import AGAIN, UNCOMPILED
from holter.causes.weigh import against, at_least, is_true, one_of, only, supports
from holter.evidence.error_kinds import is_special
from holter.evidence.words import CRASHES

CAUSE = "native-crash"

SENTENCES = describe(
    CAUSE,
    title="Crash in native code",
    meaning="A library crashed in the training's own process, without a Python error.",
    findings={
        "main-not-ended-by-a-crash": "the main process did not crash",
    },
    remedies={
        "other-releases": (
            'Try other versions of nnunetv2 and PyTorch: "free(): corrupted unsorted chunks" is '
            "reported of nnunetv2 2.5.1, not of 2.4.2."
        ),
        "try-without-compile": "Try it without torch.compile: compiled code may be what crashes.",
        "fault-handler": "Let Python print where it crashes, if it happens again.",
    },
)
ERROR_TEXTS = ("Segmentation fault (core dumped)", "double free or corruption (!prev)")

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


OFFERS = (
    Offer("other-releases", "CONSENT", "pip list | grep -iE 'nnunetv2|batchgenerators|^torch'", of_nnunet=True),
    Offer(
        "try-without-compile",
        "CONSENT",
        "nnUNet_compile=f {continue}",
        any_of(may_be_nnunet, lambda facts: "software.torch" in facts),
    ),
    Offer("fault-handler", "SAFE", "export PYTHONFAULTHANDLER=1"),
    CONTINUE_ENDED,
)
LADDER = (AGAIN, UNCOMPILED)
