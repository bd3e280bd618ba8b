"""The training waits for its data most of the time, from the beginning: slow without ever having been faster."""

from __future__ import annotations

from collections import deque

import msgspec

from holter.detectors.view import GAP_S, is_paused, main_beat
from holter.records import Episode, Tick

# Over half of the step is spent in next(loader): the processor or GPU that trains is idle more than it works.
STARVED_RATIO = 0.5
# Stock augmentation is bimodal and the first batches come from cold caches; two minutes average both out.
STARVED_S = 120.0
# It is over when the wait falls clearly below.
FED_RATIO = 0.35


class StarvedDetector:
    """One episode while the share of data wait stays high in the training phase."""

    name = "starved"

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float, float]] = deque()  # (t, wait_total, spent_total)
        self._pid: int | None = None
        self._open: Episode | None = None

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Take in the next tick."""
        beat = main_beat(tick)
        if beat is None:
            return ()
        gap = bool(self._seen) and tick.t_s - self._seen[-1][0] > max(GAP_S, 2 * tick.span_s)
        if beat.phase != "train" or beat.pid != self._pid or gap or is_paused(tick):
            # A new epoch goes on where the last one ended: only the counters of one process are compared.
            if beat.pid != self._pid or gap:
                self._seen.clear()
            self._pid = beat.pid
            return self._close(tick.t_s) if beat.phase in ("final-validation", "shutdown") else ()
        spent = beat.data_wait_s_total + beat.compute_s_total
        self._seen.append((tick.t_s, beat.data_wait_s_total, spent))
        while len(self._seen) > 2 and self._seen[1][2] <= spent - STARVED_S:
            self._seen.popleft()
        waited, total = (beat.data_wait_s_total - self._seen[0][1], spent - self._seen[0][2])
        if total < STARVED_S:
            return ()
        return self._judge(tick, waited / total, beat.pid)

    def _judge(self, tick: Tick, ratio: float, pid: int) -> tuple[Episode, ...]:
        if self._open is not None:
            return self._close(tick.t_s) if ratio <= FED_RATIO else ()
        if ratio < STARVED_RATIO:
            return ()
        self._open = Episode(
            kind="slow-down",
            phase="train",
            start_s=self._seen[0][0],
            alarm_s=tick.t_s,
            detector=self.name,
            subject="training",
            pid=pid,
            reason=f"{ratio:.0%} of the step time is spent waiting for batches",
        )
        return (self._open,)

    def _close(self, t_s: float) -> tuple[Episode, ...]:
        if self._open is None:
            return ()
        closed = msgspec.structs.replace(self._open, end_s=t_s)
        self._open = None
        return (closed,)
