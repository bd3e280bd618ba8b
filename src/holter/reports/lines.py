"""One line of a report on a terminal, before it is coloured and broken."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """One thought: a sign that sums it up, and words."""

    told: str
    indent: int = 0
    sign: str = ""
    sign_style: str = ""
    style: str = ""
    command: bool = False
