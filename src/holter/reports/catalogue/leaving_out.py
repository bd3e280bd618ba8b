"""Leave out the brackets and clauses of a sentence whose blanks have no value."""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import pairwise

from holter.patterns import later

# Each blank is replaced by one character while clauses are cut out.
_FIRST_MARK = 0xE000
_CLOSING = {"(": ")", "（": "）", "[": "]", "“": "”", "「": "」", "《": "》"}
# A quotation is not left out by itself: its sentence has a hole without it.
_LEFT_OUT_WHOLE = "(（["
# A mark of European punctuation ends a clause only before a blank: not in "2.9", "12:30" or "dataset.json".
_CLAUSE_END = later(r"(?<!e\.g)(?<!i\.e)[,;:.?!]+(?:\s+|$)|[，；：。、？！]+\s*")
_LEADING = later(r"^[\s,;:.，；：。、？！]+(?:(?:and|but|or) )?|^(?:and|but|or) ")
_DANGLING = later(r"[\s,;:，；：、]+$")
_DOUBLED = later(r"[,;:，；：、]\s*(?=[,;:.，；：。、])")
_FULL_STOPS = (".", "。")


def without(template: str, missing: set[str], unknown: str) -> str:
    """Return a sentence template without the brackets and clauses that contain one of the blanks ``missing``.

    If nothing would be left, the whole sentence is kept, with the word ``unknown`` in these blanks.
    """
    marked, blank_of = _marked(template)
    lost = "".join(mark for mark, (name, _) in blank_of.items() if name in missing)
    if not lost:
        return template
    kept = _tidy(marked, _clauses_left(_brackets_left(marked, lost), lost))
    if not any(letter.isalpha() or letter in blank_of for letter in kept):
        kept = marked
    written = {mark: unknown if mark in lost else blank for mark, (_, blank) in blank_of.items()}
    return "".join(written.get(letter, letter) for letter in kept)


def _marked(template: str) -> tuple[str, dict[str, tuple[str, str]]]:
    marked = ""
    blank_of: dict[str, tuple[str, str]] = {}
    for words, name, spec, conversion in string.Formatter().parse(template):
        marked += words.replace("{", "{{").replace("}", "}}")
        if name is not None:
            mark = chr(_FIRST_MARK + len(blank_of))
            blank_of[mark] = (name, f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}")
            marked += mark
    return marked, blank_of


# Start and end of each pair of brackets or quotation marks, the inner ones first.
def _pairs(text: str) -> Iterator[tuple[int, int]]:
    opened: list[int] = []
    for place, letter in enumerate(text):
        if letter == '"' and any(text[start] == '"' for start in opened):
            while text[opened[-1]] != '"':
                opened.pop()
            yield opened.pop(), place + 1
        elif letter == '"' or letter in _CLOSING:
            opened.append(place)
        elif opened and letter == _CLOSING.get(text[opened[-1]]):
            yield opened.pop(), place + 1


def _brackets_left(text: str, lost: str) -> str:
    for start, end in _pairs(text):
        if text[start] in _LEFT_OUT_WHOLE and any(mark in lost for mark in text[start:end]):
            kept = text[:start].rstrip(" ") + text[end:]
            return _brackets_left(_DOUBLED.sub("", kept), lost)
    return text


def _clauses_left(text: str, lost: str) -> str:
    pairs = list(_pairs(text))
    ends = [match.end() for match in _CLAUSE_END.finditer(text)]
    cuts = [0, *(end for end in ends if not any(start < end < stop for start, stop in pairs)), len(text)]
    clauses = [text[start:end] for start, end in pairwise(cuts)]
    return "".join(clause for clause in clauses if not any(mark in lost for mark in clause))


# Without the marks that led to what is left out; with the full stop of the whole.
def _tidy(whole: str, kept: str) -> str:
    kept = _DANGLING.sub("", _LEADING.sub("", kept))
    is_closed = not kept or kept.endswith((*_FULL_STOPS, "?", "!", "？", "！"))
    return kept if is_closed or not whole.endswith(_FULL_STOPS) else kept + whole[-1]
