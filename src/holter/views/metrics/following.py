"""A tape that is being written -> the text of its metrics."""

from __future__ import annotations

import time
from pathlib import Path

from holter.errors import HolterError
from holter.tape import Follower
from holter.views.metrics import names
from holter.views.metrics.exposition import exposed, run_name
from holter.views.metrics.run_numbers import RunNumbers, only

# Of a tape that is there already only the last minute is read: totals and events are complete in it.
PRESENT_S = 60.0


class TapeMetrics:
    """Reads what is new on a tape at each call. Not for several threads at the same time."""

    def __init__(self, tape: Path) -> None:
        self._follower = Follower(tape)
        self._numbers = RunNumbers()
        self.run: str | None = None  # None until the tape has the description of the run

    def read(self) -> None:
        """Read what was added to the tape since the last call; do nothing if it cannot be read now."""
        try:
            news = self._follower.news()
            ticks = self._follower.fresh(max(0.0, news.last_s - PRESENT_S))
        except (HolterError, OSError):
            return
        if news.environment is not None:
            self._numbers.learn(news.environment)
            self.run = self.run or run_name(news.environment)
        for tick in ticks:
            self._numbers.see(tick)
        for event in (*news.older, *news.events):
            self._numbers.hear(event)
        for episode in news.episodes:
            self._numbers.mark(episode)
        self._numbers.finished = news.finished
        if ticks:
            self._numbers.wall.see(ticks[-1].t_s, time.time())

    def exposed(self) -> bytes:
        """Return the metrics in Prometheus' text format; b"" as long as the run has no name."""
        return b"" if self.run is None else exposed(self.run, self._numbers.values(time.time()))

    def last_words(self) -> bytes | None:
        """Return the metrics that stay true after a run has ended badly; None if it ended well or never had a name."""
        if self.run is None:
            return None
        self._numbers.abandoned = not self._numbers.finished
        values = list(self._numbers.values(time.time()))
        state = next(value.labels[0] for value in values if value.metric is names.STATE and value.value)
        is_attach = state == "cut" and self._numbers.finished  # the recording has ended, and the training goes on
        if state in ("finished", "nothing-trained") or is_attach:
            return None
        return exposed(self.run, only(values, names.AFTER_THE_END))
