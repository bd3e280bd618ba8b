"""A known message: a pattern, found anywhere in a text, and all facts that follow from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from holter.evidence.fact_book import Value
from holter.patterns import later

# A value, or a function of the match that returns it (None: the fact does not follow this time).
Reading = Value | Callable[[re.Match[str]], Value | None]
# Characters around a match that belong to a quotation.
AROUND = 60
QUOTE_CHARS = 160
# A full stop within a name or a number ends nothing.
_SENTENCE_ENDS = later(r"[。！？；]|[.!?](?=\s+[A-Z\u4e00-\u9fff])(?:\s+)")


class Known(NamedTuple):
    """The pattern of one message, and each fact that follows: its value, or a function that reads it from the match."""

    pattern: re.Pattern[str]
    facts: Mapping[str, Reading]


class Found(NamedTuple):
    """One fact, and the words of the text that it came from."""

    name: str
    value: Value
    quote: str
    at: int  # place in the text


def known(pattern: str, facts: Mapping[str, Reading], *, exact: bool = False) -> Known:
    """Return a message to search for: a regular expression, and the facts that follow where it matches.

    Upper and lower case count as the same unless ``exact``. A word ends where a Chinese character begins.
    """
    return Known(later(pattern, re.MULTILINE | re.ASCII | (0 if exact else re.IGNORECASE)), facts)


def search(text: str, messages: Iterable[Known], whole: str | None = None) -> Iterator[Found]:
    """Yield the facts of every message that the text holds, in the order of ``messages``.

    Of a message that occurs several times, only the first place counts. ``whole``: the text as it was written, of the
    same length, to quote from; None: the text itself.
    """
    for message in messages:
        match = message.pattern.search(text)
        if match is None:
            continue
        quote = quoted(text if whole is None else whole, match)
        for name, reading in message.facts.items():
            value = reading(match) if callable(reading) else reading
            if value is not None:
                yield Found(name, value, quote, match.start())


def quoted(text: str, match: re.Match[str]) -> str:
    """Return the sentence that contains the match, within its line; of a long one only the words around the match."""
    line = text.rfind("\n", 0, match.start()) + 1
    line_end = text.find("\n", match.end())
    line_end = len(text) if line_end < 0 else line_end
    ends = (end.end() for end in _SENTENCE_ENDS.finditer(text, line, match.start() + 1))
    begin = max((end for end in ends if end <= match.start()), default=line)
    after = _SENTENCE_ENDS.search(text, match.end(), line_end)
    end = line_end if after is None else after.start() + 1
    if end - begin <= QUOTE_CHARS:
        return " ".join(text[begin:end].split())
    first, last = max(begin, match.start() - AROUND), min(end, match.end() + AROUND)
    while first > begin and first < match.start() and _is_in_word(text, first):
        first += 1
    while last < end and last > match.end() and _is_in_word(text, last):
        last -= 1
    words = " ".join(text[first:last].split())[:QUOTE_CHARS]
    return f"{'…' * (first > begin)}{words}{'…' * (last < end)}"


def _is_in_word(text: str, place: int) -> bool:
    return all(letter.isascii() and letter.isalnum() for letter in text[place - 1 : place + 1])


def number(group: int | str = 1) -> Callable[[re.Match[str]], Value | None]:
    """Return a function that reads a group of the match as a number; commas between thousands are ignored."""

    def read(match: re.Match[str]) -> Value | None:
        try:
            value = float(match[group].replace(",", ""))
        except (ValueError, AttributeError):
            return None
        return int(value) if value.is_integer() else value

    return read


def word(group: int | str = 1) -> Callable[[re.Match[str]], Value | None]:
    """Return a function that reads a group of the match as text."""
    return lambda match: match[group].strip() or None if match[group] else None


def words(group: int | str = 0) -> Callable[[re.Match[str]], Value | None]:
    """Return a function that reads a group of the match as a tuple with one text."""
    return lambda match: (" ".join(match[group].split())[:QUOTE_CHARS],)
