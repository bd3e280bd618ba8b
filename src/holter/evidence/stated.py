"""An evidence file -> evidence: facts that a person or a script states of a machine somewhere else.

What is left out, or ``null``, is unknown. Names and values are checked, because a misspelt fact would silently be an
unknown one.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple, cast, get_args

import msgspec

from holter.errors import EvidenceWrong
from holter.evidence import chain
from holter.evidence.choices import CHOICES
from holter.evidence.facts import Evidence, FactBook, Value
from holter.evidence.vocabulary import NAMES, VOCABULARY, FactSpec
from holter.records import Episode, EpisodeKind, Phase

SCHEMA = 1
SPECS = {spec.name: spec for spec in VOCABULARY}
NOT_APPLICABLE = "not-applicable"
# So many mistakes are told at once.
MAX_TOLD = 8
# How the keys of facts begin in a file without the wrapping.
STARTS = tuple({f'"{name.partition(".")[0]}.'.encode() for name in NAMES})
# A ratio is a part of one. Somebody who writes 93, or 3, means per cent; only a need can be above what there is.
MAX_RATIO = 1.0
ABOVE_ONE = ("shm.needed_ratio",)
SAFE = "Nothing was changed."
TEMPLATE = "holter diagnose --evidence-template shows every fact; docs/evidence-facts.md says what they mean."
# Which kind of trouble facts speak of where episode.kind is left out; the first that is stated decides.
KIND_OF_FACT: tuple[tuple[str, EpisodeKind], ...] = (
    ("disk.error", "unsaved"), ("save.failed", "unsaved"),
    ("exception.", "death"), ("echo.says", "death"), ("worker.", "death"), ("main.exit_signal", "death"),
    ("main.ending", "death"), ("oom.kills", "death"),
    ("epochs.shape", "slow-down"), ("epochs.times_usual", "slow-down"), ("step.times_usual", "slow-down"),
)  # fmt: skip


class Stated(NamedTuple):
    """What an evidence file says."""

    episode: Episode
    evidence: Evidence
    about: str = ""
    is_guess: bool = False  # the kind of episode was left out


def read_stated(content: bytes, name: str) -> Stated:
    """The evidence of a file's content.

    Raises:  EvidenceWrong.
    """
    facts, about = _facts(content, name)
    book = FactBook()
    wrong = [trouble for fact, value in facts.items() if (trouble := _state(book, fact, value)) is not None]
    if wrong:
        more = f"; and {len(wrong) - MAX_TOLD} more" if len(wrong) > MAX_TOLD else ""
        raise EvidenceWrong(f"{name}: " + "; ".join(wrong[:MAX_TOLD]) + f"{more}.", safe=SAFE, next_step=TEMPLATE)
    kind = book.value("episode.kind")
    is_guess = kind is None
    if is_guess:
        kind = _guess(book)
        book.known("episode.kind", kind)
    phase = book.value("phase")
    episode = Episode(
        kind=cast("EpisodeKind", kind),
        phase=cast("Phase", phase if phase in get_args(Phase) else "unknown"),
        start_s=0.0,
        alarm_s=0.0,
        detector="evidence-file",
        subject=str(book.value("worker.subject") or "training"),
        reason=about,
    )
    for missing in sorted(NAMES - book.facts.keys()):
        book.unknown(missing, "not stated")
    return Stated(episode, Evidence(book.facts, chain.build(book)), about, is_guess)


def is_stated(content: bytes) -> bool:
    """Whether this looks like an evidence file: a JSON object that names facts."""
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    return b'"facts"' in content or b'"holter_evidence"' in content or any(start in content for start in STARTS)


def template() -> dict[str, Any]:
    """An evidence file without any fact, and what each of them means. Keys that begin with "_" are not read."""
    return {
        "holter_evidence": SCHEMA,
        "about": "",
        "facts": {spec.name: None for spec in VOCABULARY},
        "_meaning": {spec.name: _meaning(spec) for spec in VOCABULARY},
    }


def _meaning(spec: FactSpec) -> str:
    choices = CHOICES.get(spec.name)
    kind = " | ".join(choices) if choices else KINDS[spec.kind] + (f" in {spec.unit}" if spec.unit else "")
    return f"{kind}: {spec.meaning}"


KINDS = {"bool": "true or false", "number": "number", "text": "text", "list": "list of texts"}


def _facts(content: bytes, name: str) -> tuple[dict[str, Any], str]:
    try:
        document = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.DecodeError as error:
        raise EvidenceWrong(f"{name} is not valid JSON: {error}.", safe=SAFE, next_step=TEMPLATE) from error
    if not isinstance(document, dict):
        raise EvidenceWrong(f"{name} holds no JSON object.", safe=SAFE, next_step=TEMPLATE)
    schema = document.get("holter_evidence", SCHEMA)
    if schema != SCHEMA:
        raise EvidenceWrong(
            f"{name} is of version {schema!r}; this Holter reads version {SCHEMA}.",
            safe=SAFE,
            next_step="pip install --upgrade holter",
        )
    facts = document.get("facts", {})
    if not isinstance(facts, dict):
        raise EvidenceWrong(f'{name}: "facts" is no JSON object.', safe=SAFE, next_step=TEMPLATE)
    own = ("holter_evidence", "about", "facts")
    # Somebody who leaves the wrapping out states facts all the same.
    beside = {key: value for key, value in document.items() if key not in own and not key.startswith("_")}
    stated = {key: value for key, value in {**beside, **facts}.items() if not key.startswith("_")}
    if not any(value is not None for value in stated.values()):
        raise EvidenceWrong(f"{name} states no fact.", safe=SAFE, next_step=TEMPLATE)
    return stated, str(document.get("about") or "")


def _state(book: FactBook, name: str, value: object) -> str | None:
    """State one fact; what is wrong with it in words, or None."""
    spec = SPECS.get(name)
    if spec is None:
        return f'there is no fact "{name}"{_nearest(name, NAMES)}'
    detail = ""
    if isinstance(value, Mapping):
        detail, value = str(value.get("detail") or ""), value.get("value")
    if value is None:
        return None
    if value == NOT_APPLICABLE:
        book.not_applicable(name, "stated so")
        return None
    read, trouble = _read(spec, value)
    if trouble is None:
        book.known(name, read, detail)
    return trouble


def _read(spec: FactSpec, value: object) -> tuple[Value | None, str | None]:
    name, told = spec.name, msgspec.json.encode(value).decode()
    if spec.kind == "bool":
        return (value, None) if isinstance(value, bool) else (None, f'"{name}" must be true or false, not {told}')
    if spec.kind == "number":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            unit = f" in {spec.unit}" if spec.unit not in ("", "ratio") else ""
            return None, f'"{name}" must be a number{unit} without quotes, not {told}'
        if spec.unit == "ratio" and value < 0:
            return None, f'"{name}" cannot be negative'
        if spec.unit == "ratio" and value > MAX_RATIO and name not in ABOVE_ONE:
            return None, f'"{name}" is a part of one: {value / 100:g} for {value:g} %'
        return value, None
    if spec.kind == "list":
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value), None
        return None, f'"{name}" must be a list of texts, like ["worker 3"], not {told}'
    if not isinstance(value, str):
        return None, f'"{name}" must be a text in quotes, not {told}'
    choices = CHOICES.get(name)
    if choices and value not in choices:
        return None, f'"{name}" cannot be "{value}"{_nearest(value, choices)}; it is one of {", ".join(choices)}'
    return value, None


def _nearest(word: str, words: Any) -> str:
    """The word that was probably meant."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f' (did you mean "{found[0]}"?)' if found else ""


def _guess(book: FactBook) -> EpisodeKind:
    if book.value("epochs.shape") == "drift-up":
        return "creep"
    stated = [name for name, fact in book.facts.items() if fact.status == "known"]
    return next((kind for start, kind in KIND_OF_FACT if any(name.startswith(start) for name in stated)), "stall")
