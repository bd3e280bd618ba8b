"""Rewrite what a command prints, in place on a terminal, until Ctrl-C.

No mode of the terminal is changed, so that the terminal works in any case afterwards, and the last state is readable.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.text import Text

# A list that takes long to make (tapes on a slow disk) may use a tenth of a core at most.
TIMES_COST = 9.0
UP, CLEAR_BELOW = "\x1b[{}A", "\x1b[J"
MORE = "..."


def can_rewrite() -> bool:
    """Return whether stdout is a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")


def rewrite(show: Callable[[Console], None], every_s: float) -> None:
    """Call ``show`` every ``every_s`` seconds until Ctrl-C; each time its output replaces the one before.

    If the window has too few lines, the end of the list is left out, but its last line stays.
    """
    before: list[str] = []
    try:
        while True:
            began_s = time.monotonic()
            console = Console()  # the window may have another size now
            with console.capture() as captured:
                show(console)
            lines = _fitted(captured.get().splitlines(), console)
            up = _rows(before, console.width)
            sys.stdout.write((UP.format(up) if up else "") + CLEAR_BELOW + "\n".join([*lines, ""]))
            sys.stdout.flush()
            before = lines
            time.sleep(max(every_s, TIMES_COST * (time.monotonic() - began_s)))
    except KeyboardInterrupt:
        print()  # below the ^C of the terminal


def _fitted(lines: list[str], console: Console) -> list[str]:
    *first, last = lines
    room = console.height - 1 - _rows([last], console.width)
    shown: list[str] = []
    for number, line in enumerate(first):
        room -= _rows([line], console.width)
        if room < (1 if number < len(first) - 1 else 0):
            return [*shown, MORE, last]
        shown.append(line)
    return [*shown, last]


def _rows(lines: Iterable[str], width: int) -> int:
    return sum(max(1, -(-Text.from_ansi(line).cell_len // width)) for line in lines)
