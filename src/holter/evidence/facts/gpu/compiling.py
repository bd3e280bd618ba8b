"""Facts about torch.compile, failed assertions on the GPU, and predictions that fell back to the CPU."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.messages import messages_around, state_or_absent
from holter.evidence.reasons import NO_PROCESS_TREE
from holter.evidence.window import Window
from holter.patterns import later
from holter.records import Tick
from holter.sentences import define

# Printed once, when the training starts.
EVER_S = float("inf")
_STARTED = later(r"Using torch\.compile")
# Messages of torch, triton, gcc and Windows; the first match names what is missing.
_MISSING = (
    ("windows", r"Windows not yet supported for torch\.compile"),
    ("python-headers", r"\b(?:Python|pyconfig)\.h: No such file"),
    ("triton", r"working triton installation|No module named 'triton'|TritonMissing"),
    ("old-compiler", r"C99 mode|unrecognized command[- ]line option [^\n]*-std=c\+\+(?:1[47]|2)"),
    ("compiler", r"Failed to find C compiler|No working C\+\+ compiler|InvalidCxxCompiler|ompiler: \S+ is not found"),
    ("compiler", r"No such file or directory: '(?:[^'\n]*/)?(?:gcc|g\+\+|cc|c\+\+|clang(?:\+\+)?|cl)'"),
    ("linker", r"cannot find -l(?:cuda|python|gomp)|libcuda\.so cannot found"),
    ("ptxas", r"Cannot find ptxas|ptxas[^\n]*(?:fatal|not found|No such file)"),
    ("cache", r"(?:Permission denied|Read-only file system|No space left)[^\n]*(?:torchinductor|/triton|\.triton)"),
)
_MISSING_PATTERNS = tuple((word, later(pattern)) for word, pattern in _MISSING)
_COMPILERS = later(r"^(?:cc1(?:plus)?|gcc\S*|g\+\+\S*|c\+\+|cc|clang\S*|as|ld|ptxas|cicc|nvcc)$")
# A working compiler process uses most of a core; idle ones of torch use nothing.
BUSY_CPU = 0.25
_ASSERTION = later(r"(?:(\w+\.cuh?):\d+[^\n]*?)?Assertion `([^\n]*?)` failed")
_ON_CPU = later(r"Prediction on device was unsuccessful")

BY_HEARTBEAT = define("seen.compile.by-heartbeat", "the heartbeat says so")


def collect(window: Window, book: FactBook) -> None:
    """Add the facts about compilation, failed assertions, and predictions that moved to the CPU."""
    environment = window.recording.environment
    messages = list(messages_around(window))
    if any(_STARTED.search(text) for text in messages_around(window, EVER_S)):
        book.known("compile.started", True)
    elif environment is not None and book.value("phase") == "compile":
        book.known("compile.started", True, BY_HEARTBEAT())
    missing = next((word for text in messages if (word := lacking(text))), None)
    assertion_match = next((match for text in messages if (match := _ASSERTION.search(text))), None)
    assertion = " ".join(part for part in assertion_match.groups() if part)[:200] if assertion_match else None
    state_or_absent(window, book, "compile.missing", missing)
    state_or_absent(window, book, "exception.assertion", assertion)
    if any(_ON_CPU.search(text) for text in messages_around(window, EVER_S)):
        book.known("predict.on_cpu", True)
    children = _children(window.during)
    book.known("compile.children", children, unless=NO_PROCESS_TREE())


def lacking(text: str) -> str | None:
    """Return what a failed compilation needed and did not find, from its message; None if the message does not say."""
    return next((word for word, pattern in _MISSING_PATTERNS if pattern.search(text)), None)


def _children(ticks: tuple[Tick, ...]) -> tuple[str, ...] | None:
    seen = [process for tick in ticks for process in tick.processes]
    if not seen:
        return None
    at_work = {
        process.name or process.role
        for process in seen
        if (process.role == "compile-worker" or _COMPILERS.match(process.name or ""))
        and (process.cpu_ratio or 0.0) >= BUSY_CPU
    }
    return tuple(sorted(at_work))
