"""The characters and colours of states, phases and heights: in Unicode, or in ASCII for terminals without it.

Every state has a character of its own, so nothing depends on colours. D and T are the letters of ps, top and htop.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import msgspec
from rich.segment import Segment

from holter.reports.html.lanes import STATES

STATE_STYLES = {
    "ended": "",
    "waiting": "bright_black",
    "producing": "green",
    "running": "cyan",
    "needs-data": "yellow",
    "dead": "bold red",
    "storage": "bold magenta",
    "stopped": "bold red",
}
# By phase: its letter without colours, and its colour.
PHASES = {
    "startup": ("s", "blue"),
    "unpack": ("u", "blue"),
    "compile": ("c", "magenta"),
    "train": ("t", "green"),
    "validate": ("v", "cyan"),
    "epoch-end": ("e", "yellow"),
    "checkpoint": ("k", "yellow"),
    "final-validation": ("f", "cyan"),
    "predict": ("p", "green"),
    "preprocess": ("p", "green"),
    "shutdown": ("x", "bright_black"),
    "unknown": ("?", "bright_black"),
}
EPISODES = {
    "death": "bold red",
    "stall": "bold red",
    "diverged": "bold red",
    "unsaved": "bold yellow",
    "slow-down": "bold yellow",
    "creep": "bold yellow",
}


class Glyphs(msgspec.Struct, frozen=True, kw_only=True):
    """The characters of one kind of terminal."""

    states: tuple[str, ...]  # in the order of STATES
    heights: str  # from nothing to full
    phase: str
    alarm: str
    cut: str
    bar: str
    arrow: str
    tick: str
    selected: str
    dot: str
    up: str
    down: str
    live: str
    paused: str
    playing: str
    replaces: dict[int, str] = {}  # a character that the terminal cannot show -> one of the same width

    def allowed(self, line: list[Segment]) -> list[Segment]:
        """Return the line; characters that the terminal cannot show are replaced by others of the same width."""
        if not self.replaces:
            return line
        return [Segment(segment.text.translate(self.replaces), segment.style) for segment in line]


UNICODE = Glyphs(
    states=(" ", "·", "█", "▓", "░", "×", "D", "T"),
    heights=" ▁▂▃▄▅▆▇█",
    phase="▄",
    alarm="━",
    cut="…",
    bar="│",
    arrow="→",
    tick="┬",
    selected="▸",
    dot="·",
    up="↑",
    down="↓",
    live="●",
    paused="‖",
    playing="▶",
)
ASCII = Glyphs(
    states=(" ", ".", "#", "=", "-", "x", "D", "T"),
    heights=" .:-=+*%@",
    phase="",
    alarm="!",
    cut="~",
    bar="|",
    arrow="->",
    tick="+",
    selected=">",
    dot="-",
    up="^",
    down="v",
    live="*",
    paused="=",
    playing=">",
    replaces=str.maketrans({"…": "~", "·": "-", "×": "x", "→": ">", "°": " ", "–": "-", "≥": ">", "✓": "+", "✗": "x"}),
)
# Its fonts have no sparklines.
POOR_TERMINALS = ("linux", "dumb", "vt100", "vt102", "vt220")

assert len(UNICODE.states) == len(ASCII.states) == len(STATES)


def chosen(environ: Mapping[str, str], *, ascii_only: bool = False) -> Glyphs:
    """Return the characters that a terminal can show: Unicode or ASCII, by TERM and the locale."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    encoding = locale.partition(".")[2].partition("@")[0].lower().replace("-", "")
    is_other = bool(encoding) and encoding != "utf8"
    return ASCII if ascii_only or is_other or environ.get("TERM") in POOR_TERMINALS else UNICODE


def environment_glyphs(*, ascii_only: bool) -> Glyphs:
    """Return the characters for this process's terminal, by its environment and the encoding of its output."""
    return chosen(os.environ, ascii_only=ascii_only or not _can_be_written(UNICODE.states))


def _can_be_written(characters: tuple[str, ...]) -> bool:
    # Without a locale Python writes UTF-8, unless a variable forbids it (PYTHONUTF8=0, PYTHONIOENCODING).
    try:
        "".join(characters).encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
