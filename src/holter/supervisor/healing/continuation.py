"""How to continue a training: read-only while it still runs, with changes when all its processes have ended."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from holter.hook.checkpoints.select import FINAL, newest_good, prepare_to_continue, verify
from holter.probes.training.remarks import problems
from holter.records import Text
from holter.sentences import define
from holter.texts.launchers import assigned
from holter.texts.results_folder import matching
from holter.texts.resume_command import Resume, training_words
from holter.texts.training_command import parse_training_command

# The file server took the last checkpoint a moment ago. If it does not answer now, Holter must still be able to end.
CHECKED_WITHIN_S = 10.0

Problems = tuple[tuple[Path, Text], ...]

NO_COMMAND = define("act.no-command", "this command cannot be continued")
FOLDER_GONE = define("act.folder-gone", "[[{folder} cannot be used: ]]the folder of the results is gone (unmounted?)")
FOLDER_FAILS = define("act.folder-fails", "{folder} cannot be used: {error}")
NOT_READABLE_NOW = define("act.checkpoints-not-readable", "its checkpoints cannot be read now; they may be intact")
NONE_LEFT = define("act.no-checkpoint-left", "no usable checkpoint is left; --restart-from-scratch begins again")


def newest_checkpoint_s(command: tuple[str, ...], variables: Mapping[str, str]) -> float | None:
    """Return the earliest time that is later than all checkpoints of the fold, by the file server's clock.

    Called before the training starts: checkpoints from this time on are its own. None if there is no checkpoint; the
    current time if the folder is unknown or unreadable.
    """
    words = training_words(command)
    parsed = parse_training_command(words)
    folder = parsed.fold_folder({**variables, **assigned(command), **assigned(words)}) if parsed is not None else None
    times = []
    try:
        if folder is None:
            return time.time()
        for file in matching(folder, "checkpoint_*.pth"):
            with contextlib.suppress(FileNotFoundError):
                times.append(file.stat().st_mtime)
    except OSError:
        return time.time()
    return math.nextafter(max(times), math.inf) if times else None


class CheckpointChoice(NamedTuple):
    """The checkpoint to continue from (None: none is good), and the files that were rejected, each with its reason.

    ``problems``: damaged files. ``unread``: files that cannot be read now but may be intact.
    """

    used: Path | None
    problems: Problems
    unread: Problems = ()


class Way(NamedTuple):
    """The command that continues a training with the least loss, or the reason why there is none."""

    command: tuple[str, ...] | None = None  # None: all progress would be lost without a warning
    why_not: Text = ""
    used: Path | None = None  # the checkpoint that it continues from
    epochs: int | None = None  # number of finished epochs in it
    begins_again: bool = False  # starts at epoch 0 although a results folder exists
    problems: Problems = ()
    unread: Problems = ()  # unreadable now and perhaps newer; they are not moved
    may_pass: bool = False  # no command now, but the storage may come back


class Continuation:
    """Finds how one training command can be continued after its process has ended."""

    def __init__(
        self, command: tuple[str, ...], resume: Resume, earlier_s: float | None, *, from_scratch: bool
    ) -> None:
        """``earlier_s``: checkpoints that are not newer belong to an earlier training."""
        self._command = command
        self._going_on = resume.command
        self._is_given = resume.is_given
        self.why_not = resume.why_not  # why no command can continue it; None if one can
        self._was_continued = self._going_on == command
        self._began_s = earlier_s
        # If a training started at epoch 0, only its own checkpoints count.
        self._earlier_s = None if self._was_continued else earlier_s
        self._from_scratch = from_scratch

    def read(self, folder: str | None, epoch: int | None) -> Way:
        """Return how the training could be continued now; change no file. Slow: it reads every byte of a checkpoint.

        ``folder``: the results folder of the fold; None: unknown. ``epoch``: the last epoch that was seen; None: none.
        """
        return self._way(folder, epoch, self._find)

    def prepare(self, folder: str | None, epoch: int | None) -> Way:
        """Return how to continue the training, and rename unusable checkpoints so that nnU-Net does not load them.

        Call it only when no other process uses the folder. ``folder`` and ``epoch``: as in ``read``.
        """
        return self._way(folder, epoch, self._make_ready)

    def has_final(self, folder: str | None) -> bool:
        """Return whether this run wrote the final checkpoint; True if its folder cannot be read.

        False without a folder: nnU-Net's trainer names it before the first step, so a trainer without one saves none.
        """
        if folder is None:
            return False
        file, answers = Path(folder) / FINAL, [True]

        def read_time() -> None:
            try:
                written_s = file.stat().st_mtime
                answers.append(self._began_s is None or written_s >= self._began_s)
            except FileNotFoundError:
                answers.append(False)
            except OSError:
                return

        thread = threading.Thread(target=read_time, name="holter-final", daemon=True)
        with contextlib.suppress(RuntimeError):  # no more threads for this user
            thread.start()
            thread.join(CHECKED_WITHIN_S)
        return answers[-1]

    def _find(self, folder: Path) -> CheckpointChoice:
        used, bad = newest_good(folder, self._earlier_s)
        return CheckpointChoice(used, problems(bad))

    def _make_ready(self, folder: Path) -> CheckpointChoice:
        prepared = prepare_to_continue(folder, self._earlier_s)
        return CheckpointChoice(prepared.used, problems(prepared.problems), problems(prepared.unread))

    def _way(self, folder: str | None, epoch: int | None, search: Callable[[Path], CheckpointChoice]) -> Way:
        if self._going_on is None:
            return Way(why_not=NO_COMMAND())
        if self._is_given and folder is None:
            return Way(self._going_on)  # the user's own command knows its checkpoints
        nothing_to_lose = not self._was_continued and not epoch  # nnU-Net saves its first "best" after epoch 0
        is_there = folder is not None and Path(folder).is_dir()
        if nothing_to_lose and not is_there:
            return Way(self._command)  # nothing was written yet
        if folder is None or not is_there:
            return Way(why_not=FOLDER_GONE(folder=folder), may_pass=True)
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
