"""Where a training goes on: looked up while it still lives, made ready when nothing of it runs any more."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from holter.hook.checkpoints.select import FINAL, newest_good, prepare_to_continue, verify
from holter.probes.training.remarks import problems
from holter.records import Text
from holter.sentences import define
from holter.texts.resume_command import Resume

# The file server took the last checkpoint a moment ago; one that does not answer now must not keep us from ending.
LOOKED_WITHIN_S = 10.0

Problems = tuple[tuple[Path, Text], ...]

NO_COMMAND = define("act.no-command", "this command cannot be continued")
FOLDER_GONE = define("act.folder-gone", "{folder} cannot be used: the folder of the results is gone (unmounted?)")
FOLDER_FAILS = define("act.folder-fails", "{folder} cannot be used: {error}")
NOT_READABLE_NOW = define("act.checkpoints-not-readable", "its checkpoints cannot be read now; they may be whole")
NONE_LEFT = define("act.no-checkpoint-left", "no usable checkpoint is left; --restart-from-scratch begins again")


class Found(NamedTuple):
    """The checkpoint to go on from; those that are no good, and why; those that cannot be read now and stay."""

    used: Path | None
    problems: Problems
    unread: Problems = ()


class Way(NamedTuple):
    """The command that loses least, or why there is none."""

    command: tuple[str, ...] | None = None  # None: everything would be lost in silence
    why_not: Text = ""
    used: Path | None = None  # the checkpoint that it goes on from
    epochs: int | None = None  # that are finished in it
    begins_again: bool = False  # at epoch 0, although there is a folder with results
    problems: Problems = ()
    unread: Problems = ()  # newer ones, perhaps, that cannot be read now; they stay where they are
    may_pass: bool = False  # there is none now, but its storage may come back


class Continuation:
    """The ways on for one command."""

    def __init__(
        self, command: tuple[str, ...], resume: Resume, earlier_s: float | None, *, from_scratch: bool
    ) -> None:
        """``earlier_s``: checkpoints that are no newer belong to a training before this one."""
        self._command = command
        self._going_on = resume.command
        self._is_given = resume.is_given
        self.why_not = resume.why_not  # no command goes on; None where one does
        self._was_continued = self._going_on == command
        self._began_s = earlier_s
        # Of a training that began from zero only its own checkpoints count.
        self._earlier_s = None if self._was_continued else earlier_s
        self._from_scratch = from_scratch

    def look(self, folder: str | None, epoch: int | None) -> Way:
        """The way there would be now. Nothing is changed; every byte of a checkpoint is read, which takes a while."""
        return self._way(folder, epoch, self._find)

    def prepare(self, folder: str | None, epoch: int | None) -> Way:
        """The way on, with the folder made ready for it. Nobody else may be using it."""
        return self._way(folder, epoch, self._make_ready)

    def has_final(self, folder: str | None) -> bool:
        """Whether the final checkpoint was written in this run; True where that cannot be seen."""
        if folder is None:
            return False
        file, found = Path(folder) / FINAL, [True]

        def look() -> None:
            try:
                written_s = file.stat().st_mtime
                found.append(self._began_s is None or written_s >= self._began_s)
            except FileNotFoundError:
                found.append(False)
            except OSError:
                return

        thread = threading.Thread(target=look, name="holter-final", daemon=True)
        with contextlib.suppress(RuntimeError):  # no more threads for this user
            thread.start()
            thread.join(LOOKED_WITHIN_S)
        return found[-1]

    def _find(self, folder: Path) -> Found:
        used, bad = newest_good(folder, self._earlier_s)
        return Found(used, problems(bad))

    def _make_ready(self, folder: Path) -> Found:
        prepared = prepare_to_continue(folder, self._earlier_s)
        return Found(prepared.used, problems(prepared.problems), problems(prepared.unread))

    def _way(self, folder: str | None, epoch: int | None, search: Callable[[Path], Found]) -> Way:
        if self._going_on is None:
            return Way(why_not=NO_COMMAND())
        if self._is_given and folder is None:
            return Way(self._going_on)  # where its checkpoints are is the user's business
        nothing_to_lose = not self._was_continued and not epoch  # nnU-Net saves its first "best" after epoch 0
        is_there = folder is not None and Path(folder).is_dir()
        if nothing_to_lose and not is_there:
            return Way(self._command)  # nothing has been made yet
        if folder is None or not is_there:
            return Way(why_not=FOLDER_GONE(folder=folder or "-"), may_pass=True)
        try:
            used, bad, unread = search(Path(folder))
        except OSError as error:
            return Way(why_not=FOLDER_FAILS(folder=folder, error=error.strerror or str(error)), may_pass=True)
        if used is not None:
            epochs = verify(used, crc=False).current_epoch
            return Way(self._going_on, used=used, epochs=epochs, problems=bad, unread=unread)
        if any(verify(file, crc=False).kind == "unreadable" for file, _ in bad):
            return Way(why_not=NOT_READABLE_NOW(), problems=bad, may_pass=True)
        if (bad or not nothing_to_lose) and not self._from_scratch:
            return Way(why_not=NONE_LEFT(), problems=bad)
        return Way(self._command, begins_again=True, problems=bad)
