"""One start of a training as a log shows it, with bounded memory for a log of any length.

Only the first and last lines and exceptions of a run are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from holter.records import EpochEnded, Event, LogLine, PhaseChanged, Text

# Of a run's events other than epochs, the first ones show how it began, the last ones how it ended.
KEPT_FIRST, KEPT_LAST = 1500, 1500
# 1000 epochs are usual. Of more, only the last ones are kept.
KEPT_EPOCHS = 20_000


@dataclass
class LogRun:
    """One start of a training as read from a log. Times are seconds since 1970 as if the stamps were UTC."""

    name: Text
    has_beginning: bool = False  # the header, or the log's own file name
    is_prediction: bool = False  # nnUNetv2_predict prints the same header, and no end
    begun_s: float | None = None  # from the file's name, else the first stamp
    first_s: float | None = None
    last_s: float | None = None
    lines: int = 0
    epoch_count: int = 0  # number in the log; only the last ones are kept
    is_finished: bool = False
    is_v1: bool = False
    foreign_epochs: int = 0  # epochs that ended soon after this run's began, and took longer: another training's
    plans: dict[str, str] = field(default_factory=dict)
    _first: list[tuple[int, Event]] = field(default_factory=list)
    _last: deque[tuple[int, Event]] = field(default_factory=lambda: deque(maxlen=KEPT_LAST))
    _epochs: deque[tuple[int, EpochEnded]] = field(default_factory=lambda: deque(maxlen=KEPT_EPOCHS))
    _number: int = 0  # of the last event; orders events of equal time

    def add(self, events: Iterable[Event]) -> None:
        """Add the next events of the log; of a long run, those in the middle are dropped."""
        for event in events:
            self._number += 1
            if isinstance(event, EpochEnded):
                self.epoch_count += 1
                self._epochs.append((self._number, event))
            elif len(self._first) < KEPT_FIRST and not _is_of_an_epoch(event):
                self._first.append((self._number, event))
            else:
                self._last.append((self._number, event))

    @property
    def is_of_training(self) -> bool:
        """Return whether the run has more than single warnings: a header, time stamps, an epoch, a phase or an end."""
        if any((self.has_beginning, self.first_s, self.epoch_count, self.is_finished)):
            return True
        return any(not isinstance(event, LogLine) or event.level == "info" for event in self.events)

    @property
    def epochs(self) -> tuple[EpochEnded, ...]:
        """The kept epochs, in the order of the log."""
        return tuple(event for _, event in self._epochs)

    @property
    def events(self) -> tuple[Event, ...]:
        """All kept events, by time."""
        kept = sorted((*self._first, *self._last, *self._epochs), key=lambda entry: (entry[1].t_s, entry[0]))
        return tuple(event for _, event in kept)

    @property
    def is_nnunet(self) -> bool:
        """Whether any line was printed by nnU-Net, or says how the training ended."""
        return bool(self._epochs or self._last or self._first or self.has_beginning)


def _is_of_an_epoch(event: Event) -> bool:
    return isinstance(event, PhaseChanged) and event.phase in ("train", "validate", "checkpoint")
