"""One line of a report on a terminal, before it is coloured and wrapped."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """One statement: an optional sign, and text."""

    content: str
    indent: int = 0
    sign: str = ""
    sign_style: str = ""
    style: str = ""
    command: bool = False
