"""Follow a growing tape: the readings since the page was rendered, and whether a new page is needed."""

from __future__ import annotations

import stat
import time
from collections import deque
from pathlib import Path
from typing import Any, Literal

import msgspec

from holter.errors import NotATape
from holter.records import (
    ActionTaken,
    ContractSettled,
    Episode,
    Event,
    Judged,
    Notice,
    PhaseChanged,
    ProcessEnded,
    Tick,
)
from holter.reports.catalogue import Lang, text
from holter.reports.html.lanes import MAX_LANES, SHOWN_ROLES, STATES, state
from holter.reports.html.vitals import GPU_KEYS, Readings
from holter.tape.follower import Follower
from holter.tape.reader import GIVE_A_TAPE, NOT_A_TAPE
from holter.views.web.rendered import Rendered, series_name

# A recorder commits every two seconds; after this time without a reading the page says so.
SILENT_S = 4.0
LATE_S = 30.0
# What browsers may have missed, in readings: half an hour.
KEPT_TICKS = 1800
# Nobody looked for so long: what came since is read with the page, not sent.
FORGET_S = 600.0
# The page has words and marks of these, so it must be rendered again.
ON_THE_PAGE = (ActionTaken, ContractSettled, Judged, Notice)

Json = dict[str, Any]
State = Literal["live", "silent", "finished", "missing"]


class Following:
    """Reads a tape again and again. Not for several threads at the same time."""

    def __init__(self, path: Path, lang: Lang) -> None:
        self.path = path
        self._lang: Lang = lang
        self._polled_at = 0.0
        self.state: State = "live"
        self._forget()

    def _forget(self) -> None:
        self._follower: Follower | None = None
        self._readings = Readings()
        self.stamp: tuple[int, ...] = ()  # changes with every write
        self._inode = 0
        self._began: str | None = None
        self._episodes: tuple[Episode, ...] = ()
        self._arrived_at = time.monotonic()
        self._age_s = 0.0  # of the last reading, when it was seen
        self.last_s = 0.0
        self.phases: deque[Json] = deque(maxlen=KEPT_TICKS)
        self.has_news = False  # that only a new page shows
        # Time and JSON: encoded once for all browsers, and a tenth of the memory.
        self.ticks: deque[tuple[float, msgspec.Raw]] = deque(maxlen=KEPT_TICKS)

    @property
    def is_in_trouble(self) -> bool:
        """Return whether the run is live and has an episode that is not over."""
        return self.state == "live" and any(episode.end_s is None for episode in self._episodes)

    @property
    def age_s(self) -> float:
        """The age of the newest reading, in seconds."""
        return self._age_s + time.monotonic() - self._arrived_at

    def since(self, t_s: float) -> Json:
        """Return the readings after this time, and the phases since LATE_S before it: a log reports them late."""
        return {
            "ticks": [tick for tick_s, tick in self.ticks if tick_s > t_s + 1e-3],
            "phases": [phase for phase in self.phases if phase["start"] > t_s - LATE_S],
        }

    def has_all_since(self, t_s: float) -> bool:
        """Return whether all readings since this time are still in memory."""
        oldest_s = self.ticks[0][0] if self.ticks else self.last_s
        return bool(oldest_s <= t_s + SILENT_S)

    def poll(self, shown: Rendered) -> bool:
        """Read what was added to the tape; return whether anything changed. ``shown``: what the page shows now.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        now, before = time.monotonic(), (self.state, self.last_s, self.has_news)
        if now - self._polled_at > FORGET_S:
            self._forget()
        self._polled_at = now
        try:
            status, stamp = self.path.stat(), stamp_of(self.path)
        except FileNotFoundError:
            self.state = "missing"
            return self.state != before[0]
        if not stat.S_ISREG(status.st_mode):  # to open a pipe could take forever
            raise NotATape(NOT_A_TAPE(path=str(self.path)), next_step=GIVE_A_TAPE())
        if status.st_ino != self._inode and self._inode:
            self._forget()
            self.has_news = True
        self._inode = status.st_ino
        if stamp != self.stamp or self._follower is None:
            self._read(shown)
            self.stamp = stamp
        if self.state != "finished":
            self.state = "silent" if self.age_s > SILENT_S else "live"
        return (self.state, self.last_s, self.has_news) != before

    def _read(self, shown: Rendered) -> None:
        is_first = self._follower is None
        follower = self._follower = self._follower or Follower(self.path)
        news = follower.news()
        began = news.environment.wall_start if news.environment else None
        if not is_first and (began != self._began or news.last_s < self.last_s):
            self._forget()  # another recording, in a file with the old number
            self._read(shown)
            self.has_news = True
            return
        self._began = began
        # Without a page yet: it will be newer than this first look. A rate needs the reading before.
        begin_s = max((shown.end_s or news.last_s) - SILENT_S, news.last_s - KEPT_TICKS)
        ticks = follower.fresh(begin_s if is_first else 0.0)
        if is_first or news.last_s > self.last_s:
            self._arrived_at = time.monotonic()
            began_s = news.environment.began_s if is_first and news.environment else None
            self._age_s = 0.0 if began_s is None else max(0.0, time.time() - began_s - news.last_s)
        self.last_s = news.last_s
        for event in news.events:
            self._hear(event, is_first=is_first)
        for tick in ticks:
            self._take(tick, shown)
        self.has_news |= not is_first and news.episodes != self._episodes
        self._episodes = news.episodes
        if news.finished != (self.state == "finished"):
            self.state = "finished" if news.finished else "live"
            self.has_news |= not is_first

    def _hear(self, event: Event, *, is_first: bool) -> None:
        if isinstance(event, PhaseChanged):
            name = text(f"phase.{event.phase}", self._lang)
            if event.epoch is not None:
                name = text("phase.with-epoch", self._lang, phase=name, epoch=event.epoch)
            self.phases.append({"phase": event.phase, "name": name, "start": event.t_s})
        elif isinstance(event, ON_THE_PAGE) or (isinstance(event, ProcessEnded) and not event.expected):
            self.has_news |= not is_first

    def _take(self, tick: Tick, shown: Rendered) -> None:
        values = {
            series_name(key, index if key in GPU_KEYS else None): float(f"{value:.4g}")
            for key, index, value in self._readings.of(tick)
            if value is not None
        }
        beats = {beat.pid: beat for beat in tick.beats}
        shown_now = [(each, beats.get(each.pid)) for each in tick.processes if each.role in SHOWN_ROLES]
        lanes = [
            [process.pid, STATES.index(state(process, beat)), beat.case if beat else None]
            for process, beat in shown_now
        ]
        sent = msgspec.json.encode({"t": tick.t_s, "v": values, "lanes": lanes})
        self.ticks.append((tick.t_s, msgspec.Raw(sent)))
        if shown.tops and any(value > shown.tops.get(name, -1.0) for name, value in values.items()):
            self.has_news = True  # a new chart, or one with another scale
        if 0 < len(shown.pids) < MAX_LANES and any(pid not in shown.pids for pid, _, _ in lanes):
            self.has_news = True


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return sizes and times of a tape's files; they change whenever something is written to it."""
    # SQLite writes to the log first; a checkpoint moves it to the file.
    stamp: list[int] = []
    for file in (path, path.with_name(path.name + "-wal")):
        try:
            status = file.stat()
        except OSError:
            continue
        stamp += (status.st_ino, status.st_size, status.st_mtime_ns)
    return tuple(stamp)
