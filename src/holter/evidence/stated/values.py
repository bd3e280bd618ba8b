"""Check of one value of an evidence file: the value to keep, or the error in words."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

import msgspec

from holter.evidence.fact_book import Value
from holter.evidence.stated.choices import CHOICES
from holter.evidence.vocabulary import FactSpec

# A ratio is at most 1; 93 or 3 means percent. Only a need can exceed what is there.
MAX_RATIO = 1.0
ABOVE_ONE = ("shm.needed_ratio",)
# These may be negative; all other numbers count or measure something.
BELOW_ZERO = (
    "gpu.temperature_c", "fds.grown", "memory.main_growth_bytes_per_h", "memory.workers_growth_bytes_per_h",
    "memory.private_growth_bytes_per_h", "memory.shared_growth_bytes_per_h",
)  # fmt: skip
SIGNALS = ("main.exit_signal", "worker.exit_signal")
# Linux numbers, whatever machine reads the file; 0 means none, real-time signals end at 64.
NUMBERS = {
    "SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGBUS": 7, "SIGFPE": 8,
    "SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGUSR2": 12, "SIGPIPE": 13, "SIGALRM": 14, "SIGTERM": 15,
    "SIGSTKFLT": 16, "SIGCHLD": 17, "SIGCONT": 18, "SIGSTOP": 19, "SIGTSTP": 20, "SIGTTIN": 21, "SIGTTOU": 22,
    "SIGURG": 23, "SIGXCPU": 24, "SIGXFSZ": 25, "SIGVTALRM": 26, "SIGPROF": 27, "SIGWINCH": 28, "SIGIO": 29,
    "SIGPWR": 30, "SIGSYS": 31,
}  # fmt: skip
MAX_SIGNAL = 64
# A shell adds this to the signal number.
SHELL_ADDS = 128
# Words that /proc/PID/status prints after the letter.
STATES = {
    "running": "R", "sleeping": "S", "disk sleep": "D", "stopped": "T", "tracing stop": "t", "zombie": "Z", "dead": "X",
    "idle": "I",
}  # fmt: skip
WRAPPING = ("value", "detail")

Checked = tuple[Value | None, str | None]


def unwrapped(name: str, value: object) -> tuple[object, str, str | None]:
    """Return the plain value, its detail, and the error in the object around it."""
    if not isinstance(value, Mapping):
        return value, "", None
    other = [str(key) for key in value if key not in WRAPPING and not str(key).startswith("_")]
    trouble = None
    if other:
        keys = ", ".join(f'"{key}"{nearest(key, WRAPPING)}' for key in other)
        trouble = f'"{name}" may hold "value" and "detail", not {keys}'
    return value.get("value"), str(value.get("detail") or ""), trouble


def checked(spec: FactSpec, value: object) -> Checked:
    """Return the value of a fact, or the error in it."""
    name, written = spec.name, msgspec.json.encode(value).decode()
    if spec.kind == "bool":
        return (value, None) if isinstance(value, bool) else (None, f'"{name}" must be true or false, not {written}')
    if name in SIGNALS:
        return _signal(name, value, written)
    if spec.kind == "number":
        return _number(spec, value, written)
    if spec.kind == "list":
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value), None
        return None, f'"{name}" must be a list of texts, like ["worker 3"], not {written}'
    if not isinstance(value, str):
        return None, f'"{name}" must be a text in quotes, not {written}'
    choices = CHOICES.get(name)
    if choices and value not in choices:
        meant = STATES.get(value.lower()) if name == "main.state" else None
        hint = nearest(value, choices) if meant is None else f' (did you mean "{meant}"?)'
        return None, f'"{name}" cannot be "{value}"{hint}; it is one of {", ".join(choices)}'
    return value, None


def nearest(word: str, words: Collection[str]) -> str:
    """Return a question with the closest match: ' (did you mean "…"?)'; empty without one."""
    matches = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f' (did you mean "{matches[0]}"?)' if matches else ""


def _number(spec: FactSpec, value: object, written: str) -> Checked:
    name = spec.name
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        unit = f" in {spec.unit}" if spec.unit not in ("", "ratio") else ""
        return None, f'"{name}" must be a number{unit} without quotes, not {written}'
    if value < 0 and name not in BELOW_ZERO:
        return None, f'"{name}" cannot be negative'
    if spec.unit == "ratio" and value > MAX_RATIO and name not in ABOVE_ONE:
        return None, f'"{name}" is a part of one: {value / 100:g} for {value:g} %'
    return value, None


# Names of signals are accepted as well as numbers.
def _signal(name: str, value: object, written: str) -> Checked:
    number = value
    if isinstance(value, str):
        word = value.strip().upper()
        number = int(word) if word.isdecimal() else NUMBERS.get("SIG" + word.removeprefix("SIG"))
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        hint = nearest(value.upper(), NUMBERS) if isinstance(value, str) else ""
        return None, f'"{name}" must be the number or name of a signal, like 9 or "SIGKILL", not {written}{hint}'
    if 0 <= number <= MAX_SIGNAL:
        return number, None
    meant = -number if number < 0 else number - SHELL_ADDS
    hint = f"; as an exit code it means signal {meant}" if 0 < meant <= MAX_SIGNAL else ""
    return None, f'"{name}" is the number of a signal, 1 to {MAX_SIGNAL} or 0 for none, not {written}{hint}'
