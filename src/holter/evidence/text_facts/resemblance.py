"""Find the causes that a description resembles, by its words and facts, with weights that were learnt from texts.

``make learned`` makes the weights (``lexicon.json``) from the causes' pages and from texts written for Holter.
They only rank what is possible; they confirm no cause.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from holter.evidence.error_kinds import without_boilerplate
from holter.evidence.fact_book import Value
from holter.evidence.text_facts.kinds import signs
from holter.patterns import later

# A description without trouble resembles this.
NOTHING = "nothing"
MOST = 12
# A cause that fits less than this part of the best one is left out.
LEAST_PART = 0.2
# Words that are shown for a cause; of more Chinese characters without a mark between them those around the pair.
SHOWN_WORDS = 4
SHOWN_CHARACTERS = 12
# A text of fewer words, or with fewer that are known, resembles nothing.
FEWEST_TERMS, FEWEST_KNOWN = 8, 5
# A title that states a trouble is short: what its few words resemble only orders what is possible.
FEWEST_OF_A_TITLE, FEWEST_KNOWN_OF_A_TITLE = 3, 2
# If a text names no error and no symptom, and its best cause fits less, or for fewer words, none is named. Questions
# about usage that nobody here wrote fit some cause by up to 0.2, reports without a word of trouble by 0.6.
LEAST_FIT, FEWEST_SPEAKING = 0.25, 3
# From this fit on likeness alone accuses, without a complaint, a symptom, a number or a message: of documentation,
# questions and notes that were accused by likeness the best fitted by 0.40.
VERY_ALIKE = 0.45
# A text without trouble must fit better than any cause; by the second number if it names an error or complains.
BETTER, CLEARLY = 0.05, 0.2
# By this if the text asks about the trouble that it names: who asks does not report that all is well.
ASKED = 0.4
# What stands in an error's first line differs every time, and versions fit any text.
_WITHOUT_VALUE = ("exception.first", "software.")
_WORD = later(r"[a-z][a-z_]+|\d+|[\u4e00-\u9fff]+")
# A frame, and the line of code below it.
_FRAME = later(
    r"^[ \t]*File \"?[^\"\n]*?([^/\\\\\"\n]+?)(?:\.py)?\"?, line \d+(?:, in (\S+))?[^\n]*\n"
    r"(?:[ \t]+(?!File )[^\n]*\n?)?",
    re.MULTILINE,
)
_ENDINGS = ("ingly", "edly", "ing", "ed", "es", "s", "ly")
_FEWEST_LETTERS = 4
_COMMON = frozenset(
    """the a an and or of to in on at is are was were be been it its this that with for from by as i my we
    our you your have has had do does did not no but so if then when after before there here what how why
    which can could would will just only very also than too same other into out up down over all any some
    more most one two first they them he she me us their his her about again still now thanks help hello hi
    please anyone know idea""".split()  # noqa: SIM905 - a list of words is read more easily so
)


class Fit(NamedTuple):
    """How well a description fits a cause: about 1 for a typical one, about 0 for one of another cause."""

    cause: str
    fit: float
    words: str = ""  # of the text, that speak most for the cause, as they were written
    speaking: int = 0  # terms that speak for it, at most SHOWN_WORDS

    def __str__(self) -> str:
        return f"{self.cause} {self.fit:.2f} {self.words}".rstrip()


class Model(NamedTuple):
    """A linear model: for each cause a bias, for each term (word or fact) a length and its weights for the causes."""

    bias: Mapping[str, float]
    lengths: Mapping[str, float]
    weights: Mapping[str, Mapping[str, float]]


def fits(written: Iterable[str]) -> tuple[Fit, ...]:
    """Parse the values of the fact ``resembles``; values that cannot be parsed are left out."""
    found = []
    for text in written:
        cause, _, rest = text.partition(" ")
        number, _, words = rest.partition(" ")
        try:
            found.append(Fit(cause, float(number), words))
        except ValueError:
            continue
    return tuple(found)


def terms(text: str) -> set[str]:
    """Return stems of English words, pairs of adjacent ones, pairs of Chinese characters, and kinds of complaint."""
    text = gist(text)
    return {*signs(text), *_written(text)}


# Each term with the words that it stands for: a pair of characters or a stem alone is no word that anybody wrote.
def _written(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    stem = before = ""
    for match in _WORD.finditer(text.lower()):
        word = match[0]
        if "\u4e00" <= word[0] <= "\u9fff":
            for place in range(len(word) - 1):
                found.setdefault(word[place : place + 2], _around(word, place))
            stem = ""
        elif word[0].isdigit() or word in _COMMON:
            stem = ""
        else:
            pair, stem = stem, _stem(word)
            found.setdefault(stem, word)
            if pair:
                found.setdefault(f"{pair} {stem}", f"{before} {word}")
            before = word
    return found


def _around(characters: str, place: int) -> str:
    if len(characters) <= SHOWN_CHARACTERS:
        return characters
    first = min(max(0, place + 1 - SHOWN_CHARACTERS // 2), len(characters) - SHOWN_CHARACTERS)
    last = first + SHOWN_CHARACTERS
    return f"{'…' * (first > 0)}{characters[first:last]}{'…' * (last < len(characters))}"


def gist(text: str) -> str:
    """Return the text with each frame of a traceback shortened to file and function.

    The lines that PyTorch prints below every CUDA error are removed.
    """
    return _FRAME.sub(r"\1 \2\n", without_boilerplate(text))


def terms_of_facts(values: Mapping[str, Value]) -> set[str]:
    """Return facts as terms of the model: each symptom, a short text with the fact's name, else only the name."""
    found: set[str] = set()
    for name, value in values.items():
        if isinstance(value, tuple) and name == "symptoms":
            found.update(f"#{symptom}" for symptom in value)
        elif isinstance(value, str) and not name.startswith(_WITHOUT_VALUE):
            found.add(f"={name}={value}")
        else:
            found.add(f"={name}")
    return found


def resembles(text: str, values: Mapping[str, Value]) -> tuple[Fit, ...]:
    """Return the causes that the text with these facts resembles, best first; ``NOTHING`` may be one of them.

    Nothing is returned for a text with too few known words.
    """
    gisted = gist(text)
    written = _written(gisted)
    words = {*signs(gisted), *written}
    is_stated = "episode.kind" in values
    if len(words) < (FEWEST_OF_A_TITLE if is_stated else FEWEST_TERMS):
        return ()
    bias, lengths, weights = _lexicon()
    known = [term for term in words | terms_of_facts(values) if term in lengths]
    if len(known) < (FEWEST_KNOWN_OF_A_TITLE if is_stated else FEWEST_KNOWN):
        return ()
    length = math.sqrt(sum(lengths[term] ** 2 for term in known))
    scores = dict(bias)
    for term in known:
        for cause, weight in weights.get(term, {}).items():
            scores[cause] += weight / length
    best = sorted(scores, key=lambda cause: (-scores[cause], cause))[:MOST]
    least = LEAST_PART * _fit(scores[best[0]])
    return tuple(
        Fit(cause, _fit(scores[cause]), *_words(cause, known, weights, written))
        for cause in best
        if _fit(scores[cause]) >= least
    )


def is_quiet(named: Sequence[Fit], *, has_facts: bool, complains: bool, asks: bool = False) -> bool:
    """Return whether a text describes no problem, or does not say which problem it is.

    ``named``: the causes that it resembles, best first. ``has_facts``: it names errors or symptoms. ``complains``: it
    uses words of a complaint. ``asks``: it asks for help.
    """
    if not named:
        return False
    if named[0].cause == NOTHING:
        next_best = named[1].fit if len(named) > 1 else 0.0
        least = ASKED if has_facts and asks else CLEARLY if has_facts or complains else BETTER
        return named[0].fit - next_best > least
    speaks = named[0].speaking >= FEWEST_SPEAKING
    return not (has_facts or (speaks and (complains or named[0].fit >= LEAST_FIT)))


# The model answers 1 for texts of a cause and -1 for all others.
def _fit(score: float) -> float:
    return round(min(1.0, max(0.0, (score + 1.0) / 2.0)), 3)


def _words(
    cause: str, known: Iterable[str], weights: Mapping[str, Mapping[str, float]], written: Mapping[str, str]
) -> tuple[str, int]:
    heading = _heading()
    of_text = (
        (weights.get(term, {}).get(cause, 0.0), term) for term in known if term[0] not in "#=" and term not in heading
    )
    speaking = [term for weight, term in sorted(of_text, reverse=True) if weight > 0]
    shown = list(dict.fromkeys(written.get(term, term) for term in speaking[:SHOWN_WORDS]))
    return ", ".join(shown), min(SHOWN_WORDS, len(speaking))


@functools.cache
def _heading() -> frozenset[str]:
    # Every traceback begins with these words: they speak for no cause.
    return frozenset(_written("Traceback (most recent call last):"))


def _stem(word: str) -> str:
    ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _FEWEST_LETTERS), "")
    return word[: len(word) - len(ending)]


def is_usual(word: str) -> bool:
    """Return whether a word, given in small letters, is usual in descriptions of trouble."""
    return word in _COMMON or _stem(word) in _lexicon().lengths


def model_of(document: Mapping[str, dict[str, str]]) -> Model:
    """Build the model from the content of ``lexicon.json``, which has numbers of causes and weights for each term."""
    bias = {cause: float(value) for cause, value in document["bias"].items()}
    causes = list(bias)
    lengths: dict[str, float] = {}
    weights: dict[str, dict[str, float]] = {}
    for term, line in document["terms"].items():
        length, *entries = line.split(" ")
        lengths[term] = float(length)
        weights[term] = {
            causes[int(number)]: float(weight) for number, weight in (entry.split(":") for entry in entries)
        }
    return Model(bias, lengths, weights)


@functools.cache
def _lexicon() -> Model:
    return model_of(json.loads((files(__package__) / "lexicon.json").read_text(encoding="utf-8")))
