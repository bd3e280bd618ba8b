"""The training goes on, but what it learns cannot be saved.

Three signs, each is enough: the hook could not write a checkpoint; the file system of the results has been full or
read-only at two looks in a row; or their folder, which was there, is gone at two looks in a row, or another one. A
moment without room (a large file of somebody's that is gone again) is none.
"""

from __future__ import annotations

import msgspec

from holter.detectors.view import main_beat
from holter.evidence.disk_space import Lack, describe_mount, is_same_device, is_same_folder, shortage
from holter.evidence.words import is_failed_save, is_saved, saved_file
from holter.records import ActionTaken, Episode, Message, Noted, StorageSample, Text, Tick
from holter.sentences import define

# The probe looks every ten seconds: two looks, and one that came late.
LACKING_S = 15.0
# An automounter may say for a moment that nothing is there; the probe looks again at once.
LOOKS = 2
LABEL = "results"

DELETED = define("unsaved.deleted", "the results folder {folder} is gone")
REPLACED = define(
    "unsaved.replaced",
    "the results folder {folder} is not the one that was there before (deleted and made again, or unmounted)",
)
READ_ONLY = define("episode.read-only", "{folder} ({mount}) is read-only")
NO_INODES = define("episode.no-inodes", "{folder} ({mount}) has no inodes left")
FULL = define("episode.full", "{folder} ({mount}) is full: {free:bytes} free of {total:bytes}")


class UnsavedDetector:
    """One episode at a time, until a checkpoint is saved again, or there is room where no save had failed."""

    name = "unsaved"

    def __init__(self) -> None:
        self._since: float | None = None  # when the file system was first seen without room
        self._last: Lack | None = None
        self._open: Episode | None = None
        self._by_save = False
        self._folder: StorageSample | None = None  # when it was first seen, or made again
        self._known_s = 0.0  # until when it was surely there
        self._asked_s = 0.0  # a look tells of the moment of the look before it
        self._saved_s: float | None = None  # the last checkpoint in it
        self._gone_since: float | None = None
        self._looks = 0  # since then

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Take in the next tick."""
        changed: list[Episode] = []
        for event in tick.events:
            if isinstance(event, ActionTaken):
                changed += self._see_save(event, tick)
            elif isinstance(event, Noted) and is_saved(event) and self._is_inside(saved_file(event)):
                self._saved_s = event.t_s
        for sample in tick.storage:
            if sample.label == LABEL:
                changed += self._see_room(sample, tick)
        return tuple(changed)

    def _see_save(self, event: ActionTaken, tick: Tick) -> list[Episode]:
        if is_failed_save(event):
            self._by_save = True
            return self._alarm(event.t_s, event.said, tick)
        if is_saved(event):
            self._by_save = False
            self._since = None  # what the probe says next was read before
            self._saved_s = event.t_s
            # Into another folder than before? The next look tells.
            return self._close(event.t_s) if self._gone_since is None else []
        return []

    def _is_inside(self, saved: str) -> bool:
        return self._folder is not None and saved.startswith(f"{self._folder.path}/")

    def _see_room(self, sample: StorageSample, tick: Tick) -> list[Episode]:
        gone = self._gone(sample)
        if gone is not None and self._gone_since is not None:
            return self._alarm(self._gone_since, gone, tick)
        lacking = shortage(sample)
        if lacking is None:
            if sample.free_bytes is None:
                return []  # it does not answer: nothing is known
            self._since = None
            return [] if self._by_save or self._gone_since is not None else self._close(tick.t_s)
        if self._since is None or lacking != self._last:
            self._since, self._last = tick.t_s, lacking
        if tick.t_s - self._since < LACKING_S:
            return []
        return self._alarm(self._since, _reason(sample, lacking), tick)

    def _gone(self, sample: StorageSample) -> Message | None:
        """What became of the folder, if two looks did not find the one that was there before."""
        asked_s, self._asked_s = self._asked_s, sample.t_s
        if self._folder is None or self._folder.path != sample.path:
            self._folder = sample if sample.identity is not None else None
            self._known_s, self._gone_since = sample.t_s, None
        if self._folder is None or sample.missing is None:
            return None
        if not sample.missing and self._is_ours(sample):
            self._known_s, self._gone_since = asked_s, None
            return None
        if self._gone_since is None:
            self._gone_since, self._looks = sample.t_s, 0
        self._looks += 1
        if self._looks < LOOKS:
            return None
        return DELETED(folder=sample.path) if sample.missing else REPLACED(folder=sample.path)

    def _is_ours(self, sample: StorageSample) -> bool:
        """Whether it is the folder that was there, or was made again in its place and took a checkpoint."""
        assert self._folder is not None
        if is_same_folder(sample, self._folder):
            return True
        saved = self._saved_s is not None and self._saved_s > self._known_s
        if saved and is_same_device(sample, self._folder):
            self._folder = sample
            return True
        return False

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


def _reason(sample: StorageSample, lacking: Lack) -> Message:
    folder, mount = sample.path, describe_mount(sample)
    if lacking == "read-only":
        return READ_ONLY(folder=folder, mount=mount)
    if lacking == "inodes":
        return NO_INODES(folder=folder, mount=mount)
    return FULL(folder=folder, mount=mount, free=sample.free_bytes or 0, total=sample.total_bytes or 0)
