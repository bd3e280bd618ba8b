"""Error messages that somebody typed from a screen, or that a reader of images copied: words with one wrong letter.

The words of the known messages are the dictionary. Only a text in which nothing else was understood is read so.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Iterator

from holter.evidence.text_facts import errors, libraries, platforms, symptoms, system
from holter.evidence.text_facts.known import Known
from holter.evidence.text_facts.resemblance import is_usual
from holter.patterns import later

TABLES = (errors.MESSAGES, system.MESSAGES, libraries.MESSAGES, platforms.MESSAGES, symptoms.SYMPTOMS)
# Of fewer letters any word is like another one.
FEWEST_LETTERS = 4
# Nobody types more; each unknown word is compared with all known ones.
MOST_CHARS, MOST_WORDS = 4000, 60
FEWEST_MISTAKES = 2
# One wrong letter in six, or one too many or too few in five.
LIKE = 0.82
_WORD = later(rf"[A-Za-z]{{{FEWEST_LETTERS},}}")
_OF_PATTERN = later(r"\\[A-Za-z]|\[[^\]]*\]|\(\?[:!=<]*")
# Letters that look alike on a screen.
_ALIKE = str.maketrans({"I": "l", "|": "l"})


def respelled(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text with misspelt words of known messages corrected, and each of these: "memery: memory"."""
    if len(text) > MOST_CHARS:
        return text, ()
    unknown = [word for word in dict.fromkeys(_WORD.findall(text)) if not _is_known(word)][:MOST_WORDS]
    meant = {word: right for word in unknown if (right := _meant(word)) is not None}
    # One odd word is a name or another word; a person who types from a screen makes more mistakes.
    if len(meant) < FEWEST_MISTAKES:
        return text, ()
    corrected = _WORD.sub(lambda match: meant.get(match[0], match[0]), text)
    return corrected, tuple(f"{word}: {right}" for word, right in meant.items())


def _is_known(word: str) -> bool:
    return word.lower() in _words() or is_usual(word.lower())


def _meant(word: str) -> str | None:
    alike = word[0] + word[1:].translate(_ALIKE)
    for seen in (alike, word.translate(_ALIKE)):
        if seen != word and seen.lower() in _words():
            return seen
    low = word.lower()
    close = difflib.get_close_matches(low, _words(), 2, LIKE)
    # Another ending is another form of the word, and no mistake.
    if not close or abs(len(close[0]) - len(low)) > 1 or close[0][:-1] == low[: len(close[0]) - 1]:
        return None
    if close[0][0] != low[0]:  # the first letter is hardly ever wrong
        return None
    return close[0]


@functools.cache
def _words() -> frozenset[str]:
    return frozenset(_of(message for table in TABLES for message in table))


def _of(messages: Iterable[Known]) -> Iterator[str]:
    for message in messages:
        for match in _WORD.finditer(_OF_PATTERN.sub(" ", message.pattern.pattern)):
            yield match[0].lower()
