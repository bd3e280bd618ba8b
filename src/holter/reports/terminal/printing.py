"""Print lines: wrapped to the width, with a symbol in front, in characters that the output can encode."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from holter.reports.wrapping import Line, wrap

# Replacements if the output's encoding lacks these characters (a log in Latin-1).
PLAIN = str.maketrans({"✓": "+", "✗": "x", "→": ">", "·": "-", "–": "-"})


def print_section(console: Console, heading: str, section: Iterable[Line]) -> None:
    """Print a heading and its lines, after a blank line; an empty section has no heading."""
    lines = tuple(section)
    if lines:
        console.print()
        print_line(console, Line(heading, style="bold"))
        for line in lines:
            print_line(console, line)


def print_line(console: Console, line: Line) -> None:
    """Print one statement; wrapped lines are indented to the first word, after the symbol."""
    line = _encodable(line, console.encoding)
    first = " " * line.indent + line.sign + (" " if line.sign else "")
    if line.command:
        # Not wrapped: a command must survive copy and paste.
        for part in line.content.splitlines():
            console.print(Text(first + part, style=line.style), soft_wrap=True)
        return
    hang = " " * cell_len(first)
    for number, part in enumerate(wrap(line.content, console.width - len(hang))):
        content = Text(hang if number else first, style=line.sign_style)
        content.append(part, style=line.style)
        console.print(content, soft_wrap=True)


def _encodable(line: Line, encoding: str) -> Line:
    # A sign that the terminal or log file cannot encode must not make the report fail.
    try:
        (line.sign + line.content).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        content, sign = (
            part.translate(PLAIN).encode("ascii", "replace").decode() for part in (line.content, line.sign)
        )
        return line._replace(content=content, sign=sign)
    return line
