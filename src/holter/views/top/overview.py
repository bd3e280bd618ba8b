"""The overview of several runs: keys and mouse."""

from __future__ import annotations

import time
from pathlib import Path

from holter.reports.catalogue import Lang
from holter.views.model.folder import RunFolder, RunRow
from holter.views.top.control import STAY, Outcome
from holter.views.top.draw import overview
from holter.views.top.draw.glyphs import Glyphs
from holter.views.top.draw.overview import OverviewDrawn
from holter.views.top.draw.screen import Drawn

# A look at the folder takes at most this long.
READ_S = 0.25


class OverviewControl:
    """A list of runs, of which one is chosen."""

    is_typing = is_replaying = False

    def __init__(self, places: tuple[Path, ...], lang: Lang, glyphs: Glyphs) -> None:
        self._folder = RunFolder(places, lang)
        self._place = ", ".join(str(place) for place in places[:2])
        self._lang, self._glyphs = lang, glyphs
        self._rows: tuple[RunRow, ...] = ()
        self._chosen: Path | None = None
        self._drawn: OverviewDrawn | None = None

    def tick(self, now_s: float, wall_s: float) -> None:
        """Read what was added to the tapes."""
        until_s = time.monotonic() + READ_S
        self._rows = self._folder.rows(now_s, wall_s, lambda: time.monotonic() > until_s)

    def draw(self, width: int, height: int, now_s: float) -> Drawn:
        """Return the screen, ``height`` lines of ``width`` characters."""
        del now_s
        if self._chosen is None and self._rows:
            self._chosen = self._rows[0].path
        self._drawn = overview.draw(self._rows, self._place, self._chosen, width, height, self._lang, self._glyphs, "")
        return Drawn(lines=self._drawn.lines, lanes={}, chart=(0, 0))

    def key(self, name: str, character: str | None, now_s: float) -> Outcome:
        """Act on a key: choose another run, open the chosen one, or quit; return what the application has to do."""
        del now_s
        if name in ("q", "Q", "f10", "ctrl+c", "ctrl+q"):
            return Outcome(what="quit")
        if name == "enter" and self._chosen is not None:
            return Outcome(what="open", text=str(self._chosen))
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": -10, "pagedown": 10, "home": -(10**6), "end": 10**6}
        step = steps.get(name, steps.get(character or "", 0))
        paths = [row.path for row in self._rows]
        if step and paths:
            place = paths.index(self._chosen) if self._chosen in paths else 0
            self._chosen = paths[min(max(place + step, 0), len(paths) - 1)]
        return STAY

    def click(self, x: int, y: int, now_s: float) -> Outcome:
        """Choose the run on line ``y``; a click on the chosen one opens it."""
        del x, now_s
        path = self._drawn.runs.get(y) if self._drawn else None
        if path is None:
            return STAY
        if path == self._chosen:
            return Outcome(what="open", text=str(path))
        self._chosen = path
        return STAY

    def wheel(self, x: int, y: int, down: bool) -> None:
        """Choose the run below (``down``) or above the chosen one."""
        del x, y
        self.key("down" if down else "up", None, 0.0)

    def close(self) -> None:
        """Do nothing: no file is held open."""
