"""Wrap lines of English and Chinese for a terminal of fixed width."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

from holter.patterns import later

# Chinese typography: characters that never start, or never end, a line.
NO_LINE_START = frozenset("。，、；：）】”？！％]),.;:")
NO_LINE_END = frozenset("（【“[(")
# Lines are never shorter than this: below it they cannot be broken at words.
NARROWEST = 16
# An absolute path, or one with two slashes; Chinese punctuation ends it.
PATH = later(r"(?:~|\.\.?|\b[\w.-]+(?=/[^\s/]+/))?/[^\s/，。；：、（）【】“”？！]+[^\s，。；：、（）【】“”？！]*")
# A number and its unit stay on one line.
MEASURE = later(r"(?<=\d) (?=(?:s|ms|min|h|%|W|MHz|[KMGT]iB(?:/s)?|秒|分|毫秒|小时)(?![A-Za-z]))")
NO_BREAK = "\u00a0"


def wrap(content: str, width: int) -> list[str]:
    """Return the text in lines of at most ``width`` columns; a Han character takes two.

    Only a path may be longer: it is never broken, so that it can be copied from any terminal.
    """
    width = max(width, NARROWEST)
    lines: list[str] = []
    for paragraph in content.splitlines() or [""]:
        kept = MEASURE.sub(NO_BREAK, paragraph)
        lines.extend(line.replace(NO_BREAK, " ") for line in _wrapped(kept, width))
    return lines


def _wrapped(paragraph: str, width: int) -> list[str]:
    lines, line = [], ""
    for piece in _pieces(paragraph):
        if line and cell_len((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
        while cell_len(line.rstrip()) > width and not PATH.search(line):
            cut = _cut(line, width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()]


def _pieces(content: str) -> list[str]:
    # A line may break before blanks and between Han characters, but not within a path.
    pieces: list[str] = [""]
    inside = {place for path in PATH.finditer(content) for place in range(path.start() + 1, path.end())}
    for place, character in enumerate(content):
        if place not in inside and (character == " " or _may_break(pieces[-1][-1:], character)):
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def _may_break(last: str, first: str) -> bool:
    if not last or first in NO_LINE_START or last in NO_LINE_END:
        return False
    return cell_len(first) == 2 or (cell_len(last) == 2 and first != " ")


def _cut(line: str, width: int) -> int:
    cut = len(line)
    while cell_len(line[:cut]) > width:
        cut -= 1
    return cut


class Line(NamedTuple):
    """One statement: an optional symbol, and text."""

    content: str
    indent: int = 0
    sign: str = ""
    sign_style: str = ""
    style: str = ""
    command: bool = False
