"""Evidence from an evidence file: facts that a person or script states about another machine.

An omitted or ``null`` fact is unknown. Names and values are checked, because a misspelt fact would silently be unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast, get_args

import msgspec

from holter.errors import EvidenceWrong
from holter.evidence import chain
from holter.evidence.fact_book import Evidence, FactBook, Value
from holter.evidence.reasons import NOT_STATED, STATED_SO
from holter.evidence.stated import derived
from holter.evidence.stated.choices import CHOICES
from holter.evidence.stated.kind import guess
from holter.evidence.stated.values import checked, nearest, unwrapped
from holter.evidence.vocabulary import NAMES, VOCABULARY, FactSpec
from holter.install import update_line
from holter.records import Episode, EpisodeKind, Message, Phase, Subject, Text
from holter.sentences import NOTHING_CHANGED, define, joined

SCHEMA = 1
SPECS = {spec.name: spec for spec in VOCABULARY}
NOT_APPLICABLE = "not-applicable"
# Facts with processes as values.
OF_PROCESSES = ("frozen.processes", "worker.subject", "workers.blocked", "workers.locked", "workers.stopped")
# Errors shown at once.
MAX_ERRORS = 8
# Prefixes of fact keys in a file without the "facts" object.
STARTS = tuple({f'"{name.partition(".")[0]}.'.encode() for name in NAMES})
OWN_KEYS = ("holter_evidence", "about", "facts")

WRONG = define("error.evidence", "{name}: {errors}.")
MORE_ERRORS = define("error.evidence.more", "and {count} more")
NO_JSON = define("error.evidence.no-json", "{name} is not valid JSON: {error}.")
NO_OBJECT = define("error.evidence.no-object", "{name} holds no JSON object.")
OTHER_VERSION = define(
    "error.evidence.version", "{name} is of version {version}; this Holter reads version {readable}."
)
FACTS_NO_OBJECT = define("error.evidence.facts-no-object", '{name}: "facts" is not a JSON object.')
NO_FACT_STATED = define("error.evidence.no-fact-stated", "{name} states no fact.")
NO_SUCH_FACT = define("error.evidence.no-such-fact", 'there is no fact "{fact}"')
NO_SUCH_FACT_BUT = define("error.evidence.no-such-fact-but", 'there is no fact "{fact}" (did you mean "{nearest}"?)')
SHOW_TEMPLATE = define(
    "next.evidence-template",
    "holter diagnose --evidence-template shows every fact; docs/evidence-facts.md says what they mean.",
)


class Stated(NamedTuple):
    """Contents of an evidence file."""

    episode: Episode
    evidence: Evidence
    about: str = ""
    is_guess: bool = False  # the kind of episode was left out
    number: int = 0  # of stated facts
    given: tuple[tuple[str, Value, str], ...] = ()  # name, value and words of each stated fact


def read_stated(content: bytes, name: Text) -> Stated:
    """Return episode and evidence from the content of an evidence file.

    Raises:  EvidenceWrong if it is no valid evidence file; its message names up to ``MAX_ERRORS`` errors.
    """
    facts, about = _facts(content, name)
    return of_facts(facts, name, about)


def of_facts(facts: Mapping[str, Any], name: Text = "", about: str = "") -> Stated:
    """Return the episode and the evidence that stated facts describe.

    ``facts``: values by name of the fact, as in an evidence file. ``name``: what an error calls the file. ``about``:
    the description of the episode.

    Raises:  EvidenceWrong if a name or a value is wrong.
    """
    book = FactBook()
    wrong = [trouble for fact, value in facts.items() if (trouble := _state(book, fact, value)) is not None]
    if wrong:
        more = MORE_ERRORS(count=len(wrong) - MAX_ERRORS) if len(wrong) > MAX_ERRORS else ""
        raise _wrong(WRONG(name=name, errors=joined(*wrong[:MAX_ERRORS], more)))
    number = sum(fact.status == "known" for fact in book.facts.values())
    given = tuple(
        (fact.name, fact.value, str(fact.detail or ""))
        for fact in book.facts.values()
        if fact.status == "known" and fact.value is not None
    )
    derived.derive(book, {fact: unwrapped(fact, value)[1] for fact, value in facts.items()})
    kind = book.value("episode.kind")
    is_guess = kind is None
    if is_guess:
        kind = guess(book)
        book.known("episode.kind", kind)
    phase = book.value("phase")
    episode = Episode(
        kind=cast("EpisodeKind", kind),
        phase=cast("Phase", phase if phase in get_args(Phase) else "unknown"),
        start_s=0.0,
        alarm_s=0.0,
        detector="evidence-file",
        subject=_subject(book),
        reason=about,
    )
    for missing in sorted(NAMES - book.facts.keys()):
        book.unknown(missing, NOT_STATED())
    return Stated(episode, Evidence(book.facts, chain.build(book), is_stated=True), about, is_guess, number, given)


def is_stated(content: bytes) -> bool:
    """Return whether this looks like an evidence file: a JSON object with names of facts."""
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    return b'"facts"' in content or b'"holter_evidence"' in content or any(start in content for start in STARTS)


def template() -> dict[str, Any]:
    """Return an evidence file without values, and the meaning of every fact. Keys that start with "_" are ignored."""
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


def _facts(content: bytes, name: Text) -> tuple[dict[str, Any], str]:
    try:
        document = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.DecodeError as error:
        raise _wrong(NO_JSON(name=name, error=str(error))) from error
    if not isinstance(document, dict):
        raise _wrong(NO_OBJECT(name=name))
    schema = document.get("holter_evidence", SCHEMA)
    if schema != SCHEMA:
        raise EvidenceWrong(
            OTHER_VERSION(name=name, version=repr(schema), readable=SCHEMA),
            safe=NOTHING_CHANGED(),
            next_step=update_line(),
        )
    facts = document.get("facts", {})
    if not isinstance(facts, dict):
        raise _wrong(FACTS_NO_OBJECT(name=name))
    # Facts at the top level, without the "facts" object, count too.
    beside = {key: value for key, value in document.items() if key not in OWN_KEYS and not key.startswith("_")}
    stated = {key: value for key, value in {**beside, **facts}.items() if not key.startswith("_")}
    if not any(value is not None for value in stated.values()):
        raise _wrong(NO_FACT_STATED(name=name))
    return stated, str(document.get("about") or "")


def _wrong(what: Message) -> EvidenceWrong:
    return EvidenceWrong(what, safe=NOTHING_CHANGED(), next_step=SHOW_TEMPLATE())


# Returns the error, or None.
def _state(book: FactBook, name: str, value: object) -> Message | None:
    spec = SPECS.get(name)
    if spec is None:
        near = nearest(name, (*OWN_KEYS, *NAMES))
        return NO_SUCH_FACT(fact=name) if near is None else NO_SUCH_FACT_BUT(fact=name, nearest=near)
    value, detail, trouble = unwrapped(name, value)
    if trouble is not None:
        return trouble
    if value is None:
        return None
    if value == NOT_APPLICABLE:
        book.not_applicable(name, STATED_SO())
        return None
    read, trouble = checked(spec, value)
    if trouble is None:
        book.known(name, _with_processes(read) if name in OF_PROCESSES else read, detail)
    return trouble


# Names of processes as Holter writes them become ``Subject``s.
def _with_processes(value: Value | None) -> tuple[Subject | str, ...] | Subject | Value | None:
    if isinstance(value, tuple):
        return tuple(Subject.from_name(name) or name for name in value)
    return (Subject.from_name(value) or value) if isinstance(value, str) else value


def _subject(book: FactBook) -> Subject | str:
    worker = next(iter(book.actors("worker.subject")), None)
    return worker if isinstance(worker, Subject) else str(book.value("worker.subject") or "training")
