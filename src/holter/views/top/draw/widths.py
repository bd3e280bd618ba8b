"""Divide a line with a time axis into label, chart and numbers."""

from __future__ import annotations

import msgspec

from holter.views.top.draw.rows import Row, fit


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
