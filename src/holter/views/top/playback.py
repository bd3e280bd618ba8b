"""The moment that the screen shows (the newest reading, an earlier one, or a replay), and the window around it."""

from __future__ import annotations

from typing import Literal

from holter.views.top.desk import WIDTHS, Desk


class Playback:
    """The shown moment, the end of the window and the zoom of one run (``desk.width_s``, seconds per column)."""

    def __init__(self, desk: Desk, speed: float | None, at_s: float | None) -> None:
        self._desk = desk
        self.at_s = at_s  # None: the newest reading
        self.end_s: float | None = None  # where the window ends, if not at the time
        self.mode: Literal["live", "back", "paused", "replay"] = "live" if at_s is None else "back"
        self.speed = speed or 1.0
        self.columns: int | None = None  # of the window on the screen; None before the first screen
        self._is_replay = speed is not None
        self._replayed_s: float | None = None

    def begin(self) -> None:
        """Start the replay, if one was asked for; called after the first read."""
        if self._is_replay:
            self.mode, self.at_s = "replay", self._desk.run.story.first_s

    def tick(self, now_s: float) -> None:
        """If a replay runs, show the moment that it has reached."""
        if self.mode == "replay" and self.at_s is not None:
            if self._replayed_s is not None:
                self.at_s += (now_s - self._replayed_s) * self.speed
            self._replayed_s = now_s
            if self.at_s >= self._desk.run.story.last_s:
                self.now()

    def now(self) -> None:
        """Show the newest reading."""
        self.at_s = self.end_s = self._replayed_s = None
        self.mode = "live"

    def move(self, columns: int) -> None:
        """Show the moment so many columns later; earlier if negative."""
        target_s = self._time_s() + columns * (self._desk.width_s or 1.0)
        if columns > 0 and target_s >= self._desk.run.story.last_s:
            self.now()
        else:
            self.go(target_s)

    def go(self, t_s: float) -> None:
        """Show this moment. The window moves only if the moment is outside of it."""
        story = self._desk.run.story
        self.at_s = min(max(t_s, story.first_s), story.last_s)
        self.mode, self._replayed_s = "back", None
        if self.columns is None:
            return
        width_s = self._desk.width_s or 1.0
        end_s = self.end_s if self.end_s is not None else story.last_s
        column = int(self.at_s // width_s) - self._desk.run.window(end_s, width_s, self.columns).first
        if column < 0:
            end_s -= (-column + self.columns // 4) * width_s
        elif column >= self.columns:
            end_s += (column - self.columns + 1 + self.columns // 4) * width_s
        self.end_s = min(max(end_s, story.first_s), story.last_s)

    def hold(self) -> None:
        """Pause at the moment that is shown; if it is paused, continue."""
        if self.mode == "replay":
            self.mode, self._replayed_s = "paused", None
        elif self.mode == "paused":
            self.mode = "replay" if self._is_replay else "live"
            if not self._is_replay:
                self.now()
        elif self.mode == "live":
            self.at_s = self.end_s = self._time_s()
            self.mode = "paused"
        else:
            self.replay()

    def replay(self) -> None:
        """Start a replay at the moment that is shown; at the beginning if it is the newest reading."""
        if self.at_s is None:
            self.at_s = self._desk.run.story.first_s
        self._is_replay, self.mode, self._replayed_s, self.end_s = True, "replay", None, None

    def faster(self, times: float) -> None:
        """Multiply the speed of the replay by this number."""
        self.speed = min(256.0, max(0.25, self.speed * times))

    def alarm(self, way: int) -> bool:
        """Go to the previous (-1) or next (1) start of an episode; return whether there is one."""
        starts = sorted(episode.start_s for episode in self._desk.run.story.episodes)
        here_s = self._time_s()
        if way < 0:
            target = next((start_s for start_s in reversed(starts) if start_s < here_s - 1e-3), None)
        else:
            target = next((start_s for start_s in starts if start_s > here_s + 1e-3), None)
        if target is not None:
            self.go(target)
        return target is not None

    def zoom(self, way: int) -> None:
        """Show a shorter (-1) or a longer (1) interval, with the shown moment in the middle of the window."""
        width_s = self._desk.width_s or 1.0
        place = min(range(len(WIDTHS)), key=lambda number: abs(WIDTHS[number] - width_s))
        self._desk.width_s = WIDTHS[min(max(place + way, 0), len(WIDTHS) - 1)]
        if self.at_s is not None and self.columns is not None:
            self.end_s = min(self.at_s + self.columns // 2 * self._desk.width_s, self._desk.run.story.last_s)

    def whole(self) -> None:
        if self.columns is not None:
            story = self._desk.run.story
            needed_s = (story.last_s - story.first_s) / max(1, self.columns - 1)
            self._desk.width_s = next((width_s for width_s in WIDTHS if width_s >= needed_s), WIDTHS[-1])
            self.end_s = None if self.at_s is None else story.last_s

    def _time_s(self) -> float:
        return self._desk.run.story.last_s if self.at_s is None else self.at_s
