"""Values of enumerated facts as words for reports."""

from __future__ import annotations

from holter.evidence.fact_book import Value
from holter.evidence.stated.choices import ENUMERATED
from holter.reports.catalogue import Lang, known, phrase, text
from holter.sizes import format_number

# Facts with values that also have names elsewhere: phases in the timeline, roles of processes.
PREFIXES = {
    "phase": "phase",
    "episode.kind": "kind",
    "exception.role": "role",
    "worker.role": "role",
    "main.stands_in": "standing",
    "workers.stand_in": "standing",
    "main.stands_owner": "standing",
}


def choice_key(fact: str, value: str) -> str | None:
    """Return the key of the word for a value of an enumerated fact, or None."""
    keys = (f"{PREFIXES[fact]}.{value}",) if fact in PREFIXES else (f"choice.{fact}.{value}", f"choice.{value}")
    return next((key for key in keys if known(key)), None)


def value_words(fact: str, value: Value, lang: Lang) -> str:
    """Return the value of a fact in words; a value that is in no list is returned as it is."""
    if isinstance(value, bool):
        return text("word.yes" if value else "word.no", lang)
    if isinstance(value, tuple):
        return text("list.join", lang).join(value_words(fact, item, lang) for item in value)
    if not isinstance(value, str):
        return format_number(value)
    key = choice_key(fact, value) if fact in ENUMERATED else None
    return phrase(value, lang) if key is None else text(key, lang)
