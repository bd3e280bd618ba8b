"""The page that explains the keys and the characters."""

from __future__ import annotations

from holter.reports.catalogue import Lang, text
from holter.reports.html.lanes import STATES
from holter.sentences import define_all
from holter.views.top.draw.glyphs import STATE_STYLES, Glyphs
from holter.views.top.draw.paper import Paper
from holter.views.top.draw.rows import Line, Row, fit

define_all(
    {
        "top.help.title": "holter top shows a recording. No key touches the training.",
        "top.help.leave": "Any key closes this page.",
        "top.help.more": "↑ ↓: more; any other key closes.",
        "top.help.signs": "Characters in a lane",
        "top.help.left": "earlier, later (with Shift ten times as far; Page up and down: a whole screen)",
        "top.help.home": "to the beginning; to now",
        "top.help.alarm": "to the previous alarm, to the next one",
        "top.help.zoom": "closer, wider; 0: the whole run",
        "top.help.space": "pause the screen, and continue",
        "top.help.replay": "play from this time on; slower, faster",
        "top.help.up": "choose a lane; Enter: all that is known of it",
        "top.help.tab": "the next page, the previous one",
        "top.help.pages": "events, epochs, waits, stacks, log, process, run (machine and settings), diagnosis",
        "top.help.search": "show only the lines of a page with a text",
        "top.help.copy": "copy the sentence on top",
        "top.help.escape": "back",
        "top.help.quit": "quit",
        "top.help.mouse": "A click goes to a time, chooses a lane, a page or a key; the wheel moves in time.",
        "top.help.cpu": "The CPU's bar includes the wait for the disk (iowait); violet: more than 5 % of it.",
    }
)
KEYS = (
    ("← →", "left"),
    ("Home End", "home"),
    ("[ ]", "alarm"),
    ("+ - 0", "zoom"),
    ("Space", "space"),
    ("r < >", "replay"),
    ("↑ ↓", "up"),
    ("Tab", "tab"),
    ("v p w s l t e d", "pages"),
    ("/ F3", "search"),
    ("c", "copy"),
    ("Esc", "escape"),
    ("q F10", "quit"),
)


def draw(width: int, height: int, lang: Lang, glyphs: Glyphs, scroll: int = 0) -> tuple[Line, ...]:
    """Return the page of keys and characters, exactly ``height`` lines; the first ``scroll`` lines are left out."""
    width, height = max(20, width), max(5, height)
    paper = Paper(width)
    paper.add((text("top.help.title", lang), "bold"))
    key_cells = 17 if width >= 60 else 10
    for keys, name in KEYS:
        shown = keys if glyphs.up == "↑" else keys.replace("← →", "arrows").replace("↑ ↓", "up down")
        paper.add(
            (fit(f" {shown}", key_cells) + " ", "title"), (text(f"top.help.{name}", lang), ""), hang=key_cells + 1
        )
    paper.add((text("top.help.mouse", lang), ""))
    paper.add((text("top.help.signs", lang), "bold"))
    for rank, name in list(enumerate(STATES))[STATES.index("waiting") :]:
        paper.add((f" {glyphs.states[rank] * 2}  ", STATE_STYLES[name]), (text(f"state.{name}", lang), ""), hang=5)
    paper.add((text("top.help.cpu", lang), ""))
    start = max(0, min(scroll, len(paper.lines) - (height - 1)))
    lines = paper.lines[start : start + height - 1]
    while len(lines) < height - 1:
        lines.append(Row(width).done())
    leave = "leave" if len(paper.lines) <= height - 1 else "more"
    said = text(f"top.help.{leave}", lang).replace("↑ ↓", "↑ ↓" if glyphs.up == "↑" else "up, down")
    return (*lines, Row(width).add(f" {said}", "warn").done())
