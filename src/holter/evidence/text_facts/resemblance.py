"""Which causes a description resembles: its words, weighed by how much more often they stand in texts about a cause.

``scripts/lexicon.py`` makes the weights (``lexicon.json``) from the causes' pages and from texts of our own. They rank
what is possible; they decide nothing and confirm nothing.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files

# A description without trouble resembles this.
NOTHING = "nothing"
MOST = 5
# Fewer words than this that fit one cause are chance.
FEWEST_WORDS = 4
LEAST_SCORE = 10.0
FEWEST_TERMS = 8
_WORD = re.compile(r"[a-z][a-z_]+|\d+|[\u4e00-\u9fff]+")
_ENDINGS = ("ingly", "edly", "ing", "ed", "es", "s", "ly")
_FEWEST_LETTERS = 4
_COMMON = frozenset(
    """the a an and or of to in on at is are was were be been it its this that with for from by as i my we
    our you your have has had do does did not no but so if then when after before there here what how why
    which can could would will just only very also than too same other into out up down over all any some
    more most one two first they them he she me us their his her about again still now thanks help hello hi
    please anyone know idea""".split()  # noqa: SIM905 - a list of words is read more easily so
)

Weights = Mapping[str, Mapping[str, float]]


def terms(text: str) -> set[str]:
    """Return stems of English words, pairs of neighbouring ones, and pairs of Chinese characters."""
    found: set[str] = set()
    before = ""
    for match in _WORD.finditer(text.lower()):
        word = match[0]
        if "\u4e00" <= word[0] <= "\u9fff":
            found.update(word[place : place + 2] for place in range(len(word) - 1))
            before = ""
        elif word[0].isdigit() or word in _COMMON:
            before = ""
        else:
            stem = _stem(word)
            found.add(stem)
            if before:
                found.add(f"{before} {stem}")
            before = stem
    return found


def resembles(text: str, weights: Weights | None = None) -> tuple[tuple[str, ...], str]:
    """Return the causes that the text resembles, best first, and the words that fit the first one.

    ``(NOTHING,)``: it resembles texts without trouble. Nothing is returned for a text with too few known words.
    """
    table = _lexicon() if weights is None else weights
    scores: Counter[str] = Counter()
    fitting: dict[str, list[tuple[float, str]]] = {}
    found = terms(text)
    if len(found) < FEWEST_TERMS:
        return (), ""
    for term in found:
        for cause, weight in table.get(term, {}).items():
            scores[cause] += weight  # type: ignore[assignment]
            fitting.setdefault(cause, []).append((weight, term))
    best = scores.most_common(MOST)
    if best and best[0][0] == NOTHING and best[0][1] >= LEAST_SCORE:
        return (NOTHING,), ""
    if not best or best[0][1] < LEAST_SCORE or len(fitting[best[0][0]]) < FEWEST_WORDS:
        return (), ""
    named = tuple(cause for cause, _ in best if cause != NOTHING)
    strongest = sorted(fitting[named[0]], reverse=True)[:FEWEST_WORDS]
    return named, ", ".join(term for _, term in strongest)


def _stem(word: str) -> str:
    ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _FEWEST_LETTERS), "")
    return word[: len(word) - len(ending)]


@functools.cache
def _lexicon() -> Weights:
    content: dict[str, str] = json.loads((files(__package__) / "lexicon.json").read_text(encoding="utf-8"))
    table: dict[str, dict[str, float]] = {}
    for cause, line in content.items():
        for entry in line.split("|"):
            term, _, weight = entry.rpartition(":")
            table.setdefault(term, {})[cause] = float(weight)
    return table
