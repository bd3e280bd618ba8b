"""The training continues, but its results cannot be saved.

One of three signs is enough: the hook could not write a checkpoint; the file system of the results was full or
read-only in two readings in a row; or the results folder was gone or replaced in two readings in a row. A disk that is
full for a moment (another user's large file, deleted again) is no sign.
"""

from __future__ import annotations

from holter.detectors.view import OpenEpisodes
from holter.evidence.disk_space import Lack, describe_mount, is_same_device, is_same_folder, shortage
from holter.evidence.words import is_failed_save, is_saved, saved_file
from holter.history.ranks import main_beat
from holter.records import ActionTaken, Episode, Message, Noted, StorageSample, Text, Tick
from holter.sentences import define

# The probe reads every ten seconds: two readings, one of them late.
LACKING_S = 15.0
# An automounter may report a missing folder for a moment; the probe reads again at once.
READINGS = 2
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
    """Opens an episode when no checkpoint can be saved.

    The episode ends when a checkpoint is saved or, if no attempt has failed, when there is space again.
    """

    name = "unsaved"

    def __init__(self) -> None:
        self._since: float | None = None  # first reading without free space
        self._last: Lack | None = None
        self._open = OpenEpisodes(self.name, "unsaved")
        self._by_save = False
        self._folder: StorageSample | None = None  # first reading, or the first one after it was created again
        self._known_s = 0.0  # last time at which it was certainly there
        self._asked_s = 0.0  # a reading shows the state at the time of the one before
        self._saved_s: float | None = None  # time of the last checkpoint in it
        self._gone_since: float | None = None
        self._readings = 0  # readings since then

    def see(self, tick: Tick) -> tuple[Episode, ...]:
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

    def _see_save(self, event: ActionTaken, tick: Tick) -> tuple[Episode, ...]:
        if is_failed_save(event):
            self._by_save = True
            return self._alarm(event.t_s, event.said, tick)
        if is_saved(event):
            self._by_save = False
            self._since = None  # the probe's next reading is older than this
            self._saved_s = event.t_s
            # The next reading shows whether it went into another folder.
            return self._open.end(event.t_s) if self._gone_since is None else ()
        return ()

    def _is_inside(self, saved: str) -> bool:
        return self._folder is not None and saved.startswith(f"{self._folder.path}/")

    def _see_room(self, sample: StorageSample, tick: Tick) -> tuple[Episode, ...]:
        gone = self._gone(sample)
        if gone is not None and self._gone_since is not None:
            return self._alarm(self._gone_since, gone, tick)
        lacking = shortage(sample)
        if lacking is None:
            if sample.free_bytes is None:
                return ()  # no answer: the state is unknown
            self._since = None
            return () if self._by_save or self._gone_since is not None else self._open.end(tick.t_s)
        if self._since is None or lacking != self._last:
            self._since, self._last = tick.t_s, lacking
        if tick.t_s - self._since < LACKING_S:
            return ()
        return self._alarm(self._since, _reason(sample, lacking), tick)

    # What happened to the folder, if two readings did not find the one from before.
    def _gone(self, sample: StorageSample) -> Message | None:
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
            self._gone_since, self._readings = sample.t_s, 0
        self._readings += 1
        if self._readings < READINGS:
            return None
        return DELETED(folder=sample.path) if sample.missing else REPLACED(folder=sample.path)

    # True for the same folder, and for one that replaced it and received a checkpoint.
    def _is_ours(self, sample: StorageSample) -> bool:
        assert self._folder is not None
        if is_same_folder(sample, self._folder):
            return True
        saved = self._saved_s is not None and self._saved_s > self._known_s
        if saved and is_same_device(sample, self._folder):
            self._folder = sample
            return True
        return False

    def _alarm(self, start_s: float, reason: Text, tick: Tick) -> tuple[Episode, ...]:
        if main_beat(tick) is None and not tick.processes:
            return ()
        return self._open.begin(tick, min(start_s, tick.t_s), reason)


def _reason(sample: StorageSample, lacking: Lack) -> Message:
    folder, mount = sample.path, describe_mount(sample)
    if lacking == "read-only":
        return READ_ONLY(folder=folder, mount=mount)
    if lacking == "inodes":
        return NO_INODES(folder=folder, mount=mount)
    return FULL(folder=folder, mount=mount, free=sample.free_bytes or 0, total=sample.total_bytes or 0)
