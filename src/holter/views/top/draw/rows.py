"""Lines of exactly one width, from pieces of text in wide or narrow characters."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from holter.reports.wrapping import NO_LINE_START

Line = list[Segment]
# Terminals have their own dark or light theme; only their sixteen colours fit both.
STYLES = {
    "": "",
    "dim": "bright_black",
    "bold": "bold",
    "good": "bold green",
    "warn": "bold yellow",
    "bad": "bold red",
    "plain": "bold",
    "title": "bold cyan",
    "key": "bold reverse",
    "cursor": "reverse",
    "selected": "bold reverse",
}


@lru_cache(maxsize=256)
def style(name: str) -> Style:
    """Return the style with this name in ``STYLES``; any other text is read as a style of the library rich."""
    return Style.parse(STYLES.get(name, name))


class Row:
    """A line that is built from left to right and never becomes wider than ``width`` cells."""

    def __init__(self, width: int) -> None:
        self.width = max(0, width)
        self.used = 0
        self.line: Line = []

    @property
    def left(self) -> int:
        """Return how many cells of the terminal the row may still fill."""
        return self.width - self.used

    def add(self, content: str, name: str = "") -> Row:
        """Add text in a style (see ``style`` for the names), cut to the width that is left. Return the row."""
        content = visible(content)
        cells = cell_len(content)
        if cells > self.left:
            content = cut(content, self.left)
            cells = cell_len(content)
        if content:
            if self.line and self.line[-1].style == style(name):
                self.line[-1] = Segment(self.line[-1].text + content, style(name))
            else:
                self.line.append(Segment(content, style(name)))
            self.used += cells
        return self

    def add_cells(self, cells: Iterable[tuple[str, str]]) -> Row:
        """Add many short texts, each with the name of its style; neighbours of one style are added in one piece."""
        for name, alike in groupby(cells, key=itemgetter(1)):
            self.add("".join(content for content, _ in alike), name)
        return self

    def to(self, column: int) -> Row:
        """Add spaces up to a column."""
        return self.add(" " * max(0, min(column, self.width) - self.used))

    def done(self) -> Line:
        """Return the line, filled up with spaces."""
        self.to(self.width)
        return self.line


def visible(content: str) -> str:
    """Return text without control characters, which would move the cursor; the text may quote other programs."""
    return (
        content
        if content.isprintable()
        else "".join(character if character.isprintable() else " " for character in content)
    )


def cut(content: str, width: int, sign: str = "…") -> str:
    """Return text in at most ``width`` cells; ``sign`` shows that something is missing."""
    if cell_len(content) <= width:
        return content
    if width <= cell_len(sign):
        return set_cell_size(content, max(0, width)).rstrip() if width > 0 else ""
    return set_cell_size(content, width - cell_len(sign)).rstrip() + sign


def fit(content: str, width: int, *, right: bool = False, sign: str = "…") -> str:
    """Return text in exactly ``width`` cells."""
    short = cut(visible(content), width, sign)
    pad = " " * (width - cell_len(short))
    return pad + short if right else short + pad


# Chinese typography: signs that never begin a line.
CLOSING = frozenset(sign for sign in NO_LINE_START if not sign.isascii())


def broken(content: str, width: int, *, is_begun: bool = False) -> tuple[str, str]:
    """Return the part of a text that fits into ``width`` cells, and the rest; it is divided at a space, if possible.

    ``is_begun``: the line has text already, so a word that does not fit begins the next line and is not divided.
    """
    if cell_len(content) <= width:
        return content, ""
    first = set_cell_size(content, max(0, width)).rstrip() if width > 0 else ""
    after = content[len(first) : len(first) + 1]
    space = first.rfind(" ")
    # Chinese has no spaces: it may break anywhere.
    if after != " " and after.isascii():
        if space > 0 and space >= len(first) // 3:
            first = first[:space]
        elif is_begun and len(first) < len(content.split(" ", 1)[0]):
            first = ""
    while len(first) > 1 and content[len(first)] in CLOSING:
        first = first[:-1]
    if not first and not is_begun:
        first = content[:1]  # a terminal of no width
    return first.rstrip(), content[len(first) :].lstrip()


def wrapped(content: str, width: int, most: int) -> list[str]:
    """Return text in at most ``most`` lines of ``width`` cells; if more is cut off, the last line ends in "…"."""
    rest = visible(content)
    lines: list[str] = []
    while rest and len(lines) < most - 1 and cell_len(rest) > width:
        line, rest = broken(rest, width)
        lines.append(line)
    if rest:
        lines.append(cut(rest, width))
    return lines or [""]


def plain(line: Line) -> str:
    """Return the text of a line."""
    return "".join(segment.text for segment in line)


class Places(msgspec.Struct, frozen=True):
    """The widths of the parts of a line, in characters."""

    width: int
    label: int
    numbers: int

    @property
    def chart(self) -> int:
        """Width of the chart: the rest of the line."""
        return max(1, self.width - self.label - self.numbers - 1)

    def row(self, label: str, style: str, cut: str) -> Row:
        """Return a line that begins with a label; ``cut``: the character that ends a label that is too long."""
        return Row(self.width).add(fit(label, self.label - 1, sign=cut), style).add(" ")


def places(width: int) -> Places:
    """Return the widths for a screen of ``width`` characters."""
    label = 12 if width >= 60 else 6
    steps = ((160, 50), (130, 40), (70, 24), (56, 16), (0, 9))
    return Places(width=width, label=label, numbers=next(cells for least, cells in steps if width >= least))
