"""torch.compile cannot build: something that it needs to compile with is missing.

What happens:  nnU-Net compiles its network on Linux with CUDA by default, with a C compiler, the headers of
               Python and triton. Without one of them the first step (or the first after --c) ends with
               BackendCompilerFailed or InductorError, and the sentence about background workers follows as an echo.
How we know:   the first exception is one of the compiler's, and its text says what is missing: no compiler, one older
               than gcc 5 ("C99 mode"), no Python.h, no triton, no linker for libcuda, a cache folder that cannot be
               written, Windows. Without that text the cause is at most likely, because some networks cannot be compiled
               at all. It is also at most likely if a log holds the compiler's message but not the exception.
Looks like:    gpu-out-of-memory (it may occur while kernels are tried: its message says so); compile-warmup (a
               long first epoch that ends by itself).
What helps:    nnUNet_compile=f: slower, same results to rounding, works at once; then install gcc and python3-dev, or
               PyTorch and triton of one release [CONSENT]. Other versions of nnU-Net do not help; neither do fewer
               workers.
Source:        MIC-DKFZ/nnUNet issues 2457, 2203, 2306, 2115, 2576, 2398, 2769; triton issue 3708;
               tests/tapes/compile_toolchain_broken.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import UNCOMPILED
from holter.causes.weigh import Rule, against, is_false, is_true, needs, no_symptom, one_of, supports, symptom
from holter.evidence import Evidence

CAUSE = "compile-toolchain-broken"

SENTENCES = describe(
    CAUSE,
    title="torch.compile cannot build",
    meaning="Something that torch.compile needs to build with is missing.",
    findings={
        "compile-error": "the first exception is the compiler's",
        "no-compile-error": "no exception of the compiler",
    },
    remedies={
        "install-compiler": "Install what is missing (gcc, python3-dev), or PyTorch and triton of one release.",
    },
)
ERROR_TEXTS = (
    "RuntimeError: Cannot find a working triton installation",
    "torch._inductor.exc.InductorError: RuntimeError: Failed to find C compiler",
    "fatal error: Python.h: No such file or directory",
    "/usr/bin/ld: cannot find -lcuda",
)

ERROR = needs("exception.kind", one_of("compile"), "compile-error", otherwise="no-compile-error", weight=2.0)
MISSING = Rule("compile.missing", is_true, "compile-lacks", 1.5, group="missing")
# The compiler's own message, without an exception: half of all possible evidence.
LACKS = Rule("compile.missing", is_true, "compile-lacks", 2.5, group="missing")

RULES = (
    ERROR,
    MISSING,
    supports("compile.started", is_true, "says-it-compiles", weight=0.5),
    against("setting.compile", is_false, "compile-is-off", weight=1.0),
    *not_in("creep", "unsaved"),
    symptom("fine-without-compile"),
    no_symptom("same-without-compile"),
)

OFFERS = (
    Offer("without-compile", "CONSENT", "nnUNet_compile=f {continue}"),
    Offer("install-compiler", "ADVICE", "gcc --version; python3-config --includes"),
)
LADDER = (UNCOMPILED,)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    is_lost = evidence.fact("exception.kind").status != "known" and bool(evidence.fact("compile.missing").value)
    return tuple(LACKS if rule is MISSING else rule for rule in RULES) if is_lost else RULES
