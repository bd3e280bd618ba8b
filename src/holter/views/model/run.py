"""One run that is watched: read what is added to its tape, and build the view of any moment and window."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from holter.history.ranks import main_beat
from holter.records import Message, StackDump, Tick
from holter.reports.html.lanes import STATES, state
from holter.tape import Follower, Recording
from holter.views.model.charts import HOLD_S, charts_of
from holter.views.model.columns import Column, Columns
from holter.views.model.recorder import RecorderWatch
from holter.views.model.series import LaneName, Numbers, lanes_of, place
from holter.views.model.story import Story
from holter.views.model.view import Band, Lane, View, Window

# In wider columns than this, one reading stands for all: a window of three days would hold too many.
SAMPLED_FROM_S = 90.0
# A time is shown with the last readings before it, unless they are older than this (or than a roll-up's minute).
FRESH_S = 90.0
# Columns of one width that are remembered: a few screens.
MOST_COLUMNS = 2000
# Those of some hours: enough for the first screen, of a second, of a tape of days.
FIRST_EVENTS = 2000
# Readings that are kept in memory; who waits for whom is found in a longer stretch, which is read when it is asked for.
RECENT_S, CHAIN_S = 20.0, 150.0
DEAD = STATES.index("dead")
WORST_FIRST = ("death", "stall", "diverged", "unsaved", "slow-down", "creep")


class Run:
    """Follows one tape. Reads only; not for several threads at the same time.

    ``first_events``: how many events the first ``poll`` reads at most, where the next one follows soon; None: all but
    very many.
    """

    def __init__(self, path: Path, first_events: int | None = None) -> None:
        self.path = path
        self.story = Story()
        self.damage: Message | str | None = None
        self.silent_s: float | None = None
        self._follower = Follower(path, first_events)
        self._watch = RecorderWatch(path)
        self._numbers: Numbers = {}
        self._columns: Columns | None = None
        self._loaded = (0, 0)  # columns that are filled: from, up to
        self._recent: deque[Tick] = deque()
        self._there: tuple[float, Tick | None] = (-1.0, None)

    @property
    def is_whole(self) -> bool:
        """Whether all events up to now were read."""
        return not self._follower.has_older

    def poll(self, now_mono_s: float, now_wall_s: float) -> bool:
        """Read what was added to the tape since the last call; return whether anything was.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        before = (self.story.last_s, len(self.story.events), self.story.finished, self.story.episodes)
        news = self._follower.news()
        self.story.add(news)
        self.damage = news.damage
        fresh = self._follower.fresh(max(0.0, news.last_s - RECENT_S))
        self._recent.extend(fresh)
        while self._recent and self._recent[0].t_s < news.last_s - RECENT_S:
            self._recent.popleft()
        if fresh and self._columns is not None:
            self._feed(fresh)
        grew = (self.story.last_s, len(self.story.events), self.story.finished, self.story.episodes) != before
        silent_s = self._watch.silent_s(now_mono_s, grew=grew, age_s=self._age_s(now_wall_s))
        self.silent_s = None if self.story.finished else silent_s
        return grew

    def window(self, end_s: float, width_s: float, count: int) -> Window:
        """Return the window of ``count`` columns that ends at a time; a short run begins at its left."""
        first = int(max(0.0, end_s) // width_s) - count + 1
        return Window(first=max(first, int(self.story.first_s // width_s)), count=count, width_s=width_s)

    def view(self, window: Window, at_s: float | None = None) -> View:
        """Return what is shown at a time (None: the newest reading) in a window.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        story = self.story
        t_s = story.last_s if at_s is None else min(max(at_s, 0.0), story.last_s)
        self._load(window)
        tick = self.tick_at(t_s)
        numbers = range(window.first, window.first + window.count)
        columns = [None if self._columns is None else self._columns.by_number.get(number) for number in numbers]
        return View(
            window=window,
            at_s=t_s,
            is_live=at_s is None,
            first_s=story.first_s,
            last_s=story.last_s,
            finished=story.finished,
            silent_s=self.silent_s,
            recorder_lives=self._watch.lives,
            tick=tick,
            environment=story.environment,
            bands=tuple(self._bands(window)),
            lanes=tuple(self._lanes(window, columns, tick, t_s)),
            charts=tuple(charts_of(columns, window.column(t_s), window.width_s)),
            main=main_beat(tick) if tick else None,
            gpus=tuple(gpu for gpu in tick.gpus if gpu.source != "none") if tick else (),
            epoch=story.epoch_at(t_s),
            ended=story.ended_by(t_s),
            usual_epoch_s=story.usual_epoch_s(t_s),
            episodes=story.open_at(t_s),
        )

    def tick_at(self, t_s: float) -> Tick | None:
        """Return what was last read at a moment, joined in one tick; values of slow probes are some seconds old."""
        if self._recent and self._recent[0].t_s <= t_s - HOLD_S:
            return _complete([tick for tick in self._recent if t_s - HOLD_S <= tick.t_s <= t_s])
        if self._there[0] != t_s:
            ticks = [tick for tick in self._follower.ticks(t_s - FRESH_S, t_s + 1e-3) if tick.t_s <= t_s]
            self._there = (t_s, _complete(ticks))
        return self._there[1]

    def recording(self, end_s: float) -> Recording:
        """Return the last ``CHAIN_S`` seconds before a time as a recording, to collect evidence from.

        It has all events and stacks of the run up to that time.
        """
        ticks = self._follower.ticks(max(0.0, end_s - CHAIN_S), end_s + 1e-3)
        events = tuple(event for event in self.story.events if event.t_s <= end_s)
        if ticks:
            ticks = [Tick(t_s=ticks[0].t_s, events=events), *ticks]
        return Recording(
            all_ticks=tuple(ticks),
            all_stacks=tuple(self.stacks(end_s)),
            all_episodes=self.story.episodes,
            environment=self.story.environment,
            path=self.path,
        )

    def stacks(self, t_s: float) -> list[StackDump]:
        """Return the stacks of all processes that were read up to a time (seconds of the recording)."""
        return [dump for dump in self.story.stacks if (dump.came_s or dump.t_s) <= t_s]

    def _age_s(self, now_wall_s: float) -> float:
        began_s = self.story.environment.began_s if self.story.environment else None
        return 0.0 if began_s is None else max(0.0, now_wall_s - began_s - self.story.last_s)

    # Columns: only what is missing of a window is read.

    def _load(self, window: Window) -> None:
        first, end = max(0, window.first), min(window.first + window.count, self._end_number(window.width_s))
        if self._columns is None or self._columns.width_s != window.width_s:
            self._columns, self._loaded = Columns(window.width_s, self._numbers), (first, first)
        low, high = self._loaded
        if end <= first:
            return
        if first > high or end < low:  # far from what is loaded
            self._columns, (low, high) = Columns(window.width_s, self._numbers), (first, first)
        if first < low:
            self._columns.join(self._read(first, low), is_later=False)
        if end > high:
            self._columns.join(self._read(high, end), is_later=True)
        self._loaded = (min(low, first), max(high, end))
        if self._loaded[1] - self._loaded[0] > MOST_COLUMNS:
            self._columns.keep(first, end)
            self._loaded = (first, end)

    def _end_number(self, width_s: float) -> int:
        return int(self.story.last_s // width_s) + 1

    def _read(self, first: int, end: int) -> Columns:
        width_s = self._columns.width_s if self._columns else 1.0
        columns = Columns(width_s, self._numbers)
        if width_s >= SAMPLED_FROM_S:
            ticks: Iterable[Tick] = self._follower.samples(
                [(number * width_s, (number + 1) * width_s) for number in range(first - 1, end)]
            )
        else:
            ticks = self._follower.each(max(0.0, first * width_s - FRESH_S), end * width_s)
        columns.add(ticks, first)
        return columns

    def _feed(self, fresh: list[Tick]) -> None:
        # New readings continue the loaded columns, if these reach up to them; else they are read when they are shown.
        columns = self._columns
        if columns is None:
            return
        low, high = self._loaded
        if columns.width_s >= SAMPLED_FROM_S:
            self._loaded = (low, min(high, columns.number(fresh[0].t_s)))
            return
        reached = columns.number(fresh[0].t_s)
        if high >= reached:
            columns.add(fresh, low)
            self._loaded = (low, max(high, self._end_number(columns.width_s)))

    # The parts of a view.

    def _bands(self, window: Window) -> Iterator[Band]:
        story = self.story
        last_epoch: int | None = None
        for column in range(window.count):
            t_s = window.middle_s(column)
            start_s, end_s = t_s - window.width_s / 2, t_s + window.width_s / 2
            if end_s <= story.first_s or start_s > story.last_s or start_s < 0:
                yield Band()
                continue
            change = story.phase_at(min(t_s, story.last_s))
            epoch = story.epoch_at(min(t_s, story.last_s)) if change else None
            touching = (
                episode
                for episode in story.episodes
                if episode.start_s < end_s and (episode.end_s or story.last_s) >= start_s
            )
            episode = min(touching, key=lambda episode: WORST_FIRST.index(episode.kind), default=None)
            yield Band(
                phase=change.phase if change else None,
                epoch=epoch,
                begins_epoch=epoch is not None and epoch != last_epoch,
                episode=episode,
            )
            last_epoch = epoch if epoch is not None else last_epoch

    def _lanes(self, window: Window, columns: list[Column | None], tick: Tick | None, t_s: float) -> Iterator[Lane]:
        present = lanes_of(tick, self._numbers) if tick else {}
        beats = {beat.pid: beat for beat in tick.beats} if tick else {}
        names = set(present)
        for column in columns:
            if column is not None:
                names.update(column.lanes())
        dead = self._dead(window, columns)
        for name in sorted(names, key=place):
            cells = [-1 if column is None else self._cell(column, name) for column in columns]
            for number in dead.get(name, ()):
                cells[number] = max(cells[number], DEAD)
            process = present.get(name)
            pids = [column.pids[name] for column in columns if column is not None and name in column.pids]
            beat = beats.get(process.pid) if process else None
            now = state(process, beat) if process else None
            if process is not None and now == "dead" and self.story.is_orderly(process.pid):
                process = now = None
            column_now = window.column(t_s)
            if now is None and 0 <= column_now < len(cells) and column_now in dead.get(name, ()):
                now = "dead"
            yield Lane(
                name=name,
                cells=tuple(cells),
                pid=process.pid if process else pids[-1] if pids else None,
                process=process,
                beat=beat,
                state=now,
            )

    def _cell(self, column: Column, name: LaneName) -> int:
        # A process that ended as it should is a zombie until its parent asks: it is gone, not dead.
        rank = column.rank(name)
        return -1 if rank == DEAD and self.story.is_orderly(column.pids[name]) else rank

    def _dead(self, window: Window, columns: list[Column | None]) -> dict[LaneName, set[int]]:
        # A dead process is drawn until another one does its work, the training ends or begins again.
        owners = {pid: name for column in columns if column is not None for name, pid in column.pids.items()}
        found: dict[LaneName, set[int]] = {}
        for end in self.story.deaths():
            name = owners.get(end.pid)
            if name is None:
                continue
            begin = max(0, window.column(end.t_s))
            until = min(window.count, window.column(self.story.last_s) + 1)
            for number in range(begin, until):
                column = columns[number]
                successor = column is not None and column.pids.get(name, end.pid) != end.pid
                if successor or (name.role != "main" and self._is_after_run(window.middle_s(number), end.t_s)):
                    break
                found.setdefault(name, set()).add(number)
        return found

    def _is_after_run(self, t_s: float, death_s: float) -> bool:
        return any(death_s < end.t_s <= t_s for end in self.story.main_ends)


def _complete(ticks: list[Tick]) -> Tick | None:
    if not ticks:
        return None
    last = ticks[-1]
    recent = [tick for tick in ticks if tick.t_s >= last.t_s - HOLD_S]
    return msgspec.structs.replace(
        last,
        host=next((tick.host for tick in reversed(recent) if tick.host is not None), None),
        cgroup=next((tick.cgroup for tick in reversed(recent) if tick.cgroup is not None), None),
        gpus=next((tick.gpus for tick in reversed(recent) if tick.gpus), ()),
        storage=next((tick.storage for tick in reversed(recent) if tick.storage), ()),
    )
