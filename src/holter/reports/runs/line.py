"""Print a line on any terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

# For a terminal whose encoding has no such signs.
PLAIN = str.maketrans({"▶": ">", "✓": "+", "✗": "x", "·": "-", "…": "~", "→": ">", "–": "-", "±": "+"})


def print_line(console: Console, line: Text) -> None:
    """Print a line; characters that the terminal's encoding does not have are replaced."""
    try:
        line.plain.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        line.plain = line.plain.translate(PLAIN)
    console.print(line, soft_wrap=True)
