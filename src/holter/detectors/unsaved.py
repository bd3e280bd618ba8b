"""The training goes on, but what it learns cannot be saved.

Three signs, each is enough: the hook could not write a checkpoint; the file system of the results has been full or
read-only at two looks in a row; or their folder, which was there, is gone or another one. A moment without room (a
large file of somebody's that is gone again) is none.
"""

from __future__ import annotations

import msgspec

from holter.detectors.view import main_beat
from holter.evidence.room import Lack, lack, place, size
from holter.evidence.words import is_failed_save
from holter.records import ActionTaken, Episode, Message, StorageSample, Text, Tick
from holter.sentences import define

# The probe looks every ten seconds: two looks, and one that came late.
LACKING_S = 15.0
LABEL = "results"

DELETED = define("unsaved.deleted", "the results folder {folder} is gone")
REPLACED = define(
    "unsaved.replaced", "the results folder {folder} is another one than before: deleted and made again, or unmounted"
)


class UnsavedDetector:
    """One episode at a time, until a checkpoint is saved again, or there is room where no save had failed."""

    name = "unsaved"

    def __init__(self) -> None:
        self._since: float | None = None  # when the file system was first seen without room
        self._last: Lack | None = None
        self._open: Episode | None = None
        self._by_save = False
        self._folder: tuple[str, str] | None = None  # path and identity of the folder when it was first seen
        self._is_gone = False

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Take in the next tick."""
        changed: list[Episode] = []
        for event in tick.events:
            if isinstance(event, ActionTaken):
                changed += self._see_save(event, tick)
        for sample in tick.storage:
            if sample.label == LABEL:
                changed += self._see_room(sample, tick)
        return tuple(changed)

    def _see_save(self, event: ActionTaken, tick: Tick) -> list[Episode]:
        if is_failed_save(event):
            self._by_save = True
            return self._alarm(event.t_s, event.said, tick)
        if (event.action, event.state, event.source) == ("save-checkpoint", "done", "hook"):
            self._by_save = False
            self._since = None  # what the probe says next was read before
            return self._close(event.t_s)
        return []

    def _see_room(self, sample: StorageSample, tick: Tick) -> list[Episode]:
        gone = self._gone(sample)
        if gone is not None:
            return self._alarm(tick.t_s, gone, tick)
        lacking = lack(sample)
        if lacking is None:
            if sample.free_bytes is None:
                return []  # it does not answer: nothing is known
            self._since = None
            return [] if self._by_save or self._is_gone else self._close(tick.t_s)
        if self._since is None or lacking != self._last:
            self._since, self._last = tick.t_s, lacking
        if tick.t_s - self._since < LACKING_S:
            return []
        return self._alarm(self._since, _words(sample, lacking), tick)

    def _gone(self, sample: StorageSample) -> Message | None:
        """What became of the folder, if it is not the one that was there before."""
        if sample.identity is not None and (self._folder is None or self._folder[0] != sample.path):
            self._folder = (sample.path, sample.identity)
            self._is_gone = False
        if self._folder is None or self._folder[0] != sample.path or sample.missing is None:
            return None
        self._is_gone = sample.missing or sample.identity != self._folder[1]
        if not self._is_gone:
            return None
        return DELETED(folder=sample.path) if sample.missing else REPLACED(folder=sample.path)

    def _alarm(self, start_s: float, reason: Text, tick: Tick) -> list[Episode]:
        beat = main_beat(tick)
        if self._open is not None or (beat is None and not tick.processes):
            return []
        self._open = Episode(
            kind="unsaved",
            phase=beat.phase if beat else "unknown",
            start_s=min(start_s, tick.t_s),
            alarm_s=tick.t_s,
            detector=self.name,
            subject="training",
            pid=beat.pid if beat else None,
            reason=reason,
        )
        return [self._open]

    def _close(self, t_s: float) -> list[Episode]:
        if self._open is None:
            return []
        closed = msgspec.structs.replace(self._open, end_s=max(t_s, self._open.alarm_s))
        self._open = None
        return [closed]


def _words(sample: StorageSample, lacking: Lack) -> str:
    where = f"{sample.path} ({place(sample)})"
    if lacking == "read-only":
        return f"{where} is read-only"
    if lacking == "inodes":
        return f"{where} has no inodes left"
    return f"{where} is full: {size(sample.free_bytes or 0)} free of {size(sample.total_bytes or 0)}"
