"""How fast a training goes now, and when it will end. Pure; one tick at a time."""

from __future__ import annotations

from collections import deque
from statistics import median

from holter.history.ranks import main_beat
from holter.records import Beat, EpochEnded, Record, Tick

# Epochs differ: the last ones count, so that a change shows soon. A single long one does not move the median.
EPOCHS_KEPT = 25
# Of a process's first epoch the warm-up and the compilation are no measure.
FIRST_EPOCHS = 1
# The shares are of the last minutes, in steps of the recorder's ticks.
TICKS_KEPT = 600


class Pace(Record, frozen=True, kw_only=True):
    """The speed of a training at one moment. What is not known is None."""

    t_s: float
    epoch: int | None = None  # the one that is trained now, counted from 0
    epochs: int | None = None  # planned
    done: int = 0  # complete epochs, those of earlier calls of the fold included
    epoch_s: float | None = None  # median of the last complete epochs
    gpu_ratio: float | None = None  # mean utilization of the busiest GPU of the last minutes, 0 to 1
    data_wait_ratio: float | None = None  # share of the steps' time spent in waiting for batches, 0 to 1
    phase: str | None = None
    slot_left_s: float | None = None  # until the batch system ends the job

    @property
    def left_s(self) -> float | None:
        """Time until the last epoch ends, in seconds; the final validation comes after it."""
        if self.epoch_s is None or self.epochs is None:
            return None
        return max(0, self.epochs - self.done) * self.epoch_s


class PaceKeeper:
    """Computes the speed of a run from its ticks."""

    def __init__(self) -> None:
        self._lengths: deque[float] = deque(maxlen=EPOCHS_KEPT)
        self._first_s: float | None = None  # length of a process's first epoch, as long as there is no other
        self.seen = 0  # complete epochs of the present process
        self._done = 0
        self._beat: Beat | None = None
        self._gpu: deque[dict[int, float]] = deque(maxlen=TICKS_KEPT)
        self._spent: deque[tuple[float, float]] = deque(maxlen=TICKS_KEPT)  # totals of data wait and of steps, s

    def see(self, tick: Tick) -> None:
        """Take in the next tick; call it for each tick, in order of time."""
        beat = main_beat(tick)
        if beat is not None:
            self._learn(beat)
        for event in tick.events:
            if isinstance(event, EpochEnded):
                self._end_epoch(event)
        busy = {gpu.index: gpu.utilization_ratio for gpu in tick.gpus if gpu.utilization_ratio is not None}
        if busy:
            self._gpu.append(busy)

    def now(self, t_s: float, epochs: int | None) -> Pace:
        """Return the speed now; ``epochs``: how many the trainer plans, if known."""
        beat = self._beat
        return Pace(
            t_s=t_s,
            epoch=None if beat is None else beat.epoch,
            epochs=epochs,
            done=self._done,
            epoch_s=median(self._lengths) if self._lengths else self._first_s,
            gpu_ratio=self._gpu_ratio(),
            data_wait_ratio=self._data_wait_ratio(),
            phase=None if beat is None else beat.phase,
        )

    def _learn(self, beat: Beat) -> None:
        if self._beat is not None and beat.pid != self._beat.pid:  # restarted: it warms up again
            self.seen = 0
            self._spent.clear()
        self._beat = beat
        self._spent.append((beat.data_wait_s_total, beat.data_wait_s_total + beat.compute_s_total))

    def _end_epoch(self, event: EpochEnded) -> None:
        self._done = event.epoch + 1
        self.seen += 1
        if event.duration_s is None:
            return
        if self.seen > FIRST_EPOCHS:
            self._lengths.append(event.duration_s)
        else:
            self._first_s = event.duration_s

    def _gpu_ratio(self) -> float | None:
        shares = [
            sum(seen) / len(seen)
            for index in {index for busy in self._gpu for index in busy}
            if (seen := [busy[index] for busy in self._gpu if index in busy])
        ]
        return max(shares, default=None)

    def _data_wait_ratio(self) -> float | None:
        if len(self._spent) < 2:
            return None
        waited, spent = (last - first for first, last in zip(self._spent[0], self._spent[-1], strict=True))
        return waited / spent if spent > 0 else None
