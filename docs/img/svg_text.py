"""Texts of an SVG of rich, placed cell by cell, as a terminal does it."""

from __future__ import annotations

import html
import re
from itertools import groupby

from rich.cells import cell_len

TEXT = re.compile(
    r'<text (?P<before>[^>]*)\bx="(?P<x>[0-9.]+)"(?P<middle>[^>]*)textLength="(?P<length>[0-9.]+)"(?P<after>[^>]*)>'
    r"(?P<words>[^<]+)</text>"
)


def by_cells(svg: str) -> str:
    """Return the SVG with every text as wide as its cells: rich counts letters, and a Chinese one is two cells wide.

    Where both kinds stand in one text each stretch gets its place, so that only Chinese letters are spaced.
    """
    return TEXT.sub(_in_stretches, svg)


def _in_stretches(match: re.Match[str]) -> str:
    words = html.unescape(match["words"])
    cell = float(match["length"]) / len(words)
    at, texts = float(match["x"]), []
    for _, letters in groupby(words, key=lambda letter: cell_len(letter) > 1):
        stretch = "".join(letters)
        width = cell * cell_len(stretch)
        # Spaces at the ends would be dropped by some programs; rich writes them as &#160;, as is kept here.
        shown = html.escape(stretch, quote=False).replace("\xa0", "&#160;")
        texts.append(
            f'<text {match["before"]}x="{at:g}"{match["middle"]}textLength="{width:g}"{match["after"]}>{shown}</text>'
        )
        at += width
    return "".join(texts)
