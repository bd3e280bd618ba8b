"""Check one value of an evidence file: return the value to keep, or the error as a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

import msgspec

from holter.evidence.fact_book import Value
from holter.evidence.stated.choices import CHOICES
from holter.evidence.vocabulary import FactSpec
from holter.records import Message
from holter.sentences import define

# Errors name the fact in quotes; ``written`` is the value as it stands in the file.
OTHER_KEYS = define("error.evidence.other-keys", '"{fact}" may hold "value" and "detail", not {keys}')
KEY = define("error.evidence.key", '"{name}"')
KEY_BUT = define("error.evidence.key-but", '"{name}" (did you mean "{nearest}"?)')
NO_BOOL = define("error.evidence.no-bool", '"{fact}" must be true or false, not {written}')
NO_LIST = define("error.evidence.no-list", '"{fact}" must be a list of texts, like ["worker 3"], not {written}')
NO_TEXT = define("error.evidence.no-text", '"{fact}" must be a text in quotes, not {written}')
NO_NUMBER = define("error.evidence.no-number", '"{fact}" must be a number without quotes, not {written}')
NO_NUMBER_IN = define(
    "error.evidence.no-number-in", '"{fact}" must be a number in {unit} without quotes, not {written}'
)
# Units that are words; the others are symbols.
UNITS = {
    "cores": define("error.evidence.unit.cores", "cores"),
    "processes": define("error.evidence.unit.processes", "processes"),
    "threads": define("error.evidence.unit.threads", "threads"),
}
NEGATIVE = define("error.evidence.negative", '"{fact}" cannot be negative')
NO_RATIO = define("error.evidence.no-ratio", '"{fact}" is a share from 0 to 1: write {part:g} for {written:g} %')
NO_CHOICE = define("error.evidence.no-choice", '"{fact}" cannot be "{written}"; it is one of {choices}')
NO_CHOICE_BUT = define(
    "error.evidence.no-choice-but",
    '"{fact}" cannot be "{written}" (did you mean "{nearest}"?); it is one of {choices}',
)
NO_SIGNAL = define(
    "error.evidence.no-signal", '"{fact}" must be the number or name of a signal, like 9 or "SIGKILL", not {written}'
)
NO_SIGNAL_BUT = define(
    "error.evidence.no-signal-but",
    '"{fact}" must be the number or name of a signal, like 9 or "SIGKILL", not {written} (did you mean "{nearest}"?)',
)
WRONG_SIGNAL = define(
    "error.evidence.wrong-signal", '"{fact}" is the number of a signal, 1 to {most} or 0 for none, not {written}'
)
WRONG_SIGNAL_BUT = define(
    "error.evidence.wrong-signal-but",
    '"{fact}" is the number of a signal, 1 to {most} or 0 for none, not {written}; as an exit code it means signal '
    "{meant}",
)

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

Checked = tuple[Value | None, Message | None]


def unwrapped(name: str, value: object) -> tuple[object, str, Message | None]:
    """Return the plain value of a fact, its detail, and an error sentence if the JSON object around the value is wrong.

    A fact may be written as a value, or as an object with ``value`` and ``detail``. The detail is "" if there is none,
    and the error None if all is right.
    """
    if not isinstance(value, Mapping):
        return value, "", None
    other = [str(key) for key in value if key not in WRAPPING and not str(key).startswith("_")]
    trouble = None
    if other:
        trouble = OTHER_KEYS(fact=name, keys=tuple(map(_key, other)))
    return value.get("value"), str(value.get("detail") or ""), trouble


def checked(spec: FactSpec, value: object) -> Checked:
    """Return (value, None) if the value is allowed for the fact, else (None, error sentence)."""
    name, written = spec.name, msgspec.json.encode(value).decode()
    if spec.kind == "bool":
        return (value, None) if isinstance(value, bool) else (None, NO_BOOL(fact=name, written=written))
    if name in SIGNALS:
        return _signal(name, value, written)
    if spec.kind == "number":
        return _number(spec, value, written)
    if spec.kind == "list":
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value), None
        return None, NO_LIST(fact=name, written=written)
    if not isinstance(value, str):
        return None, NO_TEXT(fact=name, written=written)
    choices = CHOICES.get(name)
    if choices and value not in choices:
        near = (STATES.get(value.lower()) if name == "main.state" else None) or nearest(value, choices)
        sentence = NO_CHOICE if near is None else NO_CHOICE_BUT
        return None, sentence(fact=name, written=value, nearest=near, choices=choices)
    return value, None


def nearest(word: str, words: Collection[str]) -> str | None:
    """Return the closest match; None without one."""
    return next(iter(difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)), None)


def _key(key: str) -> Message:
    near = nearest(key, WRAPPING)
    return KEY(name=key) if near is None else KEY_BUT(name=key, nearest=near)


def _number(spec: FactSpec, value: object, written: str) -> Checked:
    name = spec.name
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if spec.unit in ("", "ratio"):
            return None, NO_NUMBER(fact=name, written=written)
        unit = UNITS[spec.unit]() if spec.unit in UNITS else spec.unit
        return None, NO_NUMBER_IN(fact=name, unit=unit, written=written)
    if value < 0 and name not in BELOW_ZERO:
        return None, NEGATIVE(fact=name)
    if spec.unit == "ratio" and value > MAX_RATIO and name not in ABOVE_ONE:
        return None, NO_RATIO(fact=name, part=value / 100, written=value)
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
        near = nearest(value.upper(), NUMBERS) if isinstance(value, str) else None
        return None, (NO_SIGNAL if near is None else NO_SIGNAL_BUT)(fact=name, written=written, nearest=near)
    if 0 <= number <= MAX_SIGNAL:
        return number, None
    meant = -number if number < 0 else number - SHELL_ADDS
    if 0 < meant <= MAX_SIGNAL:
        return None, WRONG_SIGNAL_BUT(fact=name, most=MAX_SIGNAL, written=written, meant=meant)
    return None, WRONG_SIGNAL(fact=name, most=MAX_SIGNAL, written=written)
