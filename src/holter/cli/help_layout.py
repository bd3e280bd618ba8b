"""The layout of the help: no text is cut, however narrow the terminal is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

HELP_OPTIONS = ("-h", "--help")


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Return whether these arguments make a command print its help."""
    own_arguments = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return not arguments or any(option in own_arguments for option in HELP_OPTIONS)


def fold_long_words() -> None:
    """Make typer continue a word that is wider than its column on the next line.

    By default rich ends such a word with "…". A Chinese sentence has no spaces, so for rich it is one word.
    """
    from rich.columns import Columns
    from rich.table import Table
    from rich.text import Text
    from typer import rich_utils

    class FoldingTable(Table):
        def add_row(self, *cells: Any, **settings: Any) -> None:
            super().add_row(*cells, **settings)
            for column in self.columns:
                column.overflow = "fold"

    class FoldingColumns(Columns):
        def __init__(self, cells: Iterable[Any], **settings: Any) -> None:
            super().__init__(cells, **settings)
            for cell in self.renderables:
                if isinstance(cell, Text):
                    cell.overflow = "fold"

    vars(rich_utils).update(Table=FoldingTable, Columns=FoldingColumns)
