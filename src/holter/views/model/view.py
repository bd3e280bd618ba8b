"""What is shown of a run at one time, as data: the input of every screen."""

from __future__ import annotations

import msgspec

from holter.records import Beat, Environment, Episode, EpochEnded, GpuSample, Phase, ProcessSample, Tick
from holter.views.model.series import LaneName

# States in which a process does not go on by itself.
TROUBLE = ("stopped", "dead")


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a run that a screen shows: ``count`` columns of ``width_s`` seconds, from column ``first`` on.

    Column n begins at n * ``width_s``.
    """

    first: int
    count: int
    width_s: float

    @property
    def start_s(self) -> float:
        """The time of the left edge, in seconds of the recording."""
        return self.first * self.width_s

    @property
    def end_s(self) -> float:
        """The time of the right edge, in seconds of the recording."""
        return (self.first + self.count) * self.width_s

    def column(self, t_s: float) -> int:
        """Return the column of a time, counted from the left edge; below 0 or at least ``count`` if it is outside."""
        return int(t_s // self.width_s) - self.first

    def middle_s(self, column: int) -> float:
        """Return the time in the middle of a column."""
        return (self.first + column + 0.5) * self.width_s


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One process: its state in each column of the window, and its readings at the chosen moment."""

    name: LaneName
    cells: tuple[int, ...]  # index in holter.reports.html.lanes.STATES, one a column; -1: not there
    pid: int | None = None  # at the time, else the last one in the window
    process: ProcessSample | None = None  # at the time; None: it is not there (any more)
    beat: Beat | None = None
    state: str | None = None  # at the time

    @property
    def in_trouble(self) -> bool:
        """Whether the process is stalled or dead at the moment that is shown."""
        return self.state in TROUBLE


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One value over the window: its height in each column, 0..1; None: not read."""

    name: str
    cells: tuple[float | None, ...]
    top: float = 1.0  # the value at height 1
    now: float | None = None  # the value at the time
    over: tuple[float | None, ...] = ()  # a second value that stands on the first: waiting for the disk on the CPU


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """The phase of one column, and the worst episode that touches it."""

    phase: Phase | None = None
    epoch: int | None = None
    begins_epoch: bool = False
    episode: Episode | None = None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """All that a screen shows of a run at one moment, ``at_s``."""

    window: Window
    at_s: float
    is_live: bool  # the time is that of the newest reading
    first_s: float
    last_s: float
    finished: bool
    silent_s: float | None  # the recorder does not write any more, since so long
    recorder_lives: bool  # it is there all the same
    tick: Tick | None  # the last readings at the time
    environment: Environment | None
    bands: tuple[Band, ...]
    lanes: tuple[Lane, ...]
    charts: tuple[Chart, ...]
    main: Beat | None
    gpus: tuple[GpuSample, ...]
    epoch: int | None
    ended: EpochEnded | None  # the last epoch that was over
    usual_epoch_s: float | None
    episodes: tuple[Episode, ...]  # known and not over at the time, the worst first

    def chart(self, name: str) -> Chart | None:
        """Return a chart; None if its value was never read."""
        return next((chart for chart in self.charts if chart.name == name), None)
