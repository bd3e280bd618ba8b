"""Text that a person has -> facts, each with the words that it came from: known messages, read-outs, symptoms."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.error_kinds import OTHER, error_kind
from holter.evidence.fact_book import Value
from holter.evidence.text_facts import errors, readouts, symptoms, system
from holter.evidence.text_facts.known import Found, search
from holter.evidence.text_facts.readouts import lines
from holter.evidence.text_facts.resemblance import NOTHING, resembles
from holter.evidence.vocabulary import NAMES
from holter.texts import kernel_log

# What ends a training outweighs what is slow about it, and a standstill a slowness.
KINDS_BY_WEIGHT = ("diverged", "death", "stall", "creep", "slow-down")

# The line of code below a frame of a traceback: it quotes what may be raised there, not what was.
SOURCE = re.compile(r"(^\s*File \"[^\n]*\n)[ \t]+[^\n]*\n(?:[ \t]+[\^~]+[^\n]*\n)?", re.MULTILINE)
WRAPPED = re.compile(r"(?<=[a-z,;0-9一-鿿])\n(?=[a-z0-9一-鿿])")

# Nobody writes more by hand; a search for symptoms takes a second for ten times as much.
PROSE_CHARS = 16_000

__all__ = ["Found", "as_stated", "ends", "facts_of"]


def facts_of(text: str, *, is_prose: bool = True, span: kernel_log.Span | None = None) -> dict[str, Found]:
    """Return the facts that a text states, by name; of several statements of one fact the first table's counts.

    Symptoms are read from prose alone: a log may name a disk, a tracker or a slow step and complain of nothing.
    ``span``: when the training ran; lines of the kernel log from well before it count for nothing.
    """
    text, kernel, _ = kernel_log.sifted(text, span)
    written = ends(symptoms.prose(symptoms.complaint(lines.without(text))), PROSE_CHARS) if is_prose else ""
    causes, fitting = resembles(written)
    if causes == (NOTHING,):  # documentation and success stories quote errors, too
        return {}
    found: dict[str, Found] = {}
    kinds: dict[str, Found] = {}
    text = SOURCE.sub(r"\1", text)
    said = lines.without_rows(text)
    # A sentence may be broken into lines anywhere.
    said = f"{said}\n{WRAPPED.sub(' ', said)}" if is_prose else said
    hits = [*readouts.read(text), *search(said, errors.MESSAGES), *search(said, system.MESSAGES)]
    hits += [*search(kernel, system.OF_THE_KERNEL), *_symptoms(written)]
    if causes:
        hits.append(Found("resembles", causes, fitting, 0))
    for hit in hits:
        if hit.name == "episode.kind":
            kinds.setdefault(str(hit.value), hit)
        elif hit.name == "symptoms" and hit.name in found:
            before = found[hit.name]
            found[hit.name] = before._replace(value=tuple(dict.fromkeys((*before.value, *hit.value))))  # type: ignore[misc]
        elif hit.name in NAMES:
            found.setdefault(hit.name, hit)
    kind = error_kind(said)
    if kind != OTHER and "exception.kind" not in found:
        found["exception.kind"] = Found("exception.kind", kind, "", 0)
        kinds.setdefault("death", Found("episode.kind", "death", "", 0))
    first = next((kinds[kind] for kind in KINDS_BY_WEIGHT if kind in kinds), None)
    if first is not None:
        found["episode.kind"] = first
    return found


def ends(text: str, most: int) -> str:
    """Return a text, or the beginning and the end of one that is longer than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most // 3]}\n{text[-2 * most // 3 :]}"


def _symptoms(text: str) -> Iterator[Found]:
    text = f"{text}\n{WRAPPED.sub(' ', text)}"
    yield from search(text, symptoms.SYMPTOMS)
    for name, value, quote in symptoms.times(text):
        yield Found(name, value, quote, 0)
    names, quote = symptoms.named(text)
    if names:
        yield Found("symptoms", names, quote, 0)


def as_stated(found: dict[str, Found]) -> dict[str, dict[str, object]]:
    """Return the facts as an evidence file holds them."""
    return {name: {"value": _as_json(hit.value), "detail": hit.quote} for name, hit in found.items()}


def _as_json(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value
