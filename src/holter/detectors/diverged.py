"""Losses that are NaN or infinite: all further training is lost, and no error reports it."""

from __future__ import annotations

from holter.detectors.view import TRAINING, OpenEpisodes
from holter.evidence.words import LOOP
from holter.records import Episode, EpochEnded, Noted, Tick
from holter.sentences import define

# One epoch may contain a single step with an infinite loss, which a GradScaler skips; two epochs in a row with a mean
# that is not finite never recover. A pseudo Dice of NaN only means that a class did not occur.
EPOCHS = 2

REASON = define(
    "diverged.reason", "{loss} has not been a finite number for {epochs} epochs in a row, since epoch {since}"
)


class DivergedDetector:
    """Marks losses that are NaN or infinite as one episode, which ends when the losses are finite again."""

    name = "diverged"

    def __init__(self) -> None:
        self._lost: dict[str, tuple[int, int, float]] = {}  # loss -> (first epoch, epochs, t_s of the first)
        self._last = -1  # epoch; log and console may both report one
        self._open = OpenEpisodes(self.name, "diverged")

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        changed: list[Episode] = []
        for event in tick.events:
            if isinstance(event, EpochEnded) and event.epoch > self._last:
                self._last = event.epoch
                changed += self._see_epoch(event, tick)
            elif isinstance(event, Noted) and (event.what, event.text) == ("began", LOOP):
                self._last = -1  # another training in the same process
        return tuple(changed)

    def _see_epoch(self, event: EpochEnded, tick: Tick) -> tuple[Episode, ...]:
        for name in event.not_finite:
            first, count, since_s = self._lost.get(name, (event.epoch, 0, event.t_s))
            self._lost[name] = (first, count + 1, since_s)
        self._lost = {name: lost for name, lost in self._lost.items() if name in event.not_finite}
        if TRAINING in self._open:
            return () if self._lost else self._open.end(event.t_s)
        worst = max(self._lost.items(), key=lambda loss: loss[1][1], default=None)
        if worst is None or worst[1][1] < EPOCHS:
            return ()
        name, (first, count, since_s) = worst
        reason = REASON(loss=name, epochs=count, since=first)
        return self._open.begin(tick, min(since_s, tick.t_s), reason, phase="train")
