"""Folds that start together: one prepares the shared data, the others wait and report which fold they wait for.

nnU-Net's trainers write ``splits_final.json`` and unpack old data sets in place, and read files that another fold has
written only in part. So a fold that has something to prepare holds a lock beside the preprocessed data until its
training has started to train. The others wait only while something is missing. If no lock can be created (a read-only
folder), no data can be written either, and no fold waits.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from holter.detectors.view import PhaseKeeper
from holter.history.ranks import main_process
from holter.linux.place import here
from holter.probes.process.process_files import started
from holter.probes.training.preprocessed import USUAL_FOLDS, Job, folds_in, jobs_of
from holter.probes.training.starting import starting_trainings
from holter.records import Message, Tick
from holter.supervisor.folds import messages as words
from holter.supervisor.folds.lock import Lock
from holter.supervisor.folds.lock_state import About, host_of, read_state
from holter.supervisor.folds.patience import Patience
from holter.supervisor.folds.turn import Announce, Turn
from holter.texts.training_command import TrainingCommand

# A stalled network share must not keep Holter from ending; the next fold takes over the lock.
RELEASED_WITHIN_S = 10.0
# In these phases the split was read and all cases are unpacked.
AT_WORK = ("train", "validate", "checkpoint", "final-validation", "shutdown")


class Preparation:
    """What one training waits for and locks before it starts. Always call ``close``."""

    def __init__(self, training: TrainingCommand, environ: Mapping[str, str], announce: Announce) -> None:
        self._training = training
        self._announce = announce
        self._folder, self._jobs = jobs_of(training, environ) or (Path(), ())
        self._locks: list[Lock] = []
        self._phase = PhaseKeeper()
        self._has_seen_training = False
        self._releaser: threading.Thread | None = None

    def wait(self, patience: Patience) -> None:
        """Wait until the data set's shared files are ready, or this training holds the lock to make them itself.

        Also return if it is useless to wait longer (see ``Turn.wait``).

        Raises:  Asked if a signal asks Holter to end meanwhile.
        """
        for job in self._jobs:
            turn = Turn(self._training.fold, lock_file(self._folder, job), job, self._announce, patience)
            try:
                turn.wait()
            finally:
                self._locks += filter(None, [turn.lock])

    def see(self, tick: Tick) -> None:
        """Release the locks once the training has started to train. A thread does it: a file server may not answer."""
        if self._releaser is not None or not self._locks:
            return
        self._phase.see(tick)
        main = main_process(tick.processes, tick.beats)
        if self._phase.phase in AT_WORK:
            self._releaser = _in_background(self._release)
        elif main is not None and not self._has_seen_training:
            self._has_seen_training = True
            about = {"training": main.pid, "training_started": started(main.pid)}
            _in_background(lambda: self._add(about))

    def close(self) -> None:
        """Release all locks."""
        if not self._locks:
            return
        releaser = self._releaser or _in_background(self._release)
        if releaser is None:
            self._release()
        else:
            releaser.join(RELEASED_WITHIN_S)

    def _release(self) -> None:
        for lock in self._locks:
            with contextlib.suppress(OSError):
                lock.close()

    def _add(self, about: About) -> None:
        for lock in self._locks:
            lock.add(about)


def _in_background(work: Callable[[], None]) -> threading.Thread | None:
    # None if no thread can be started.
    thread = threading.Thread(target=work, name="holter-prepares", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread


def lock_file(folder: Path, job: Job) -> Path:
    """Return the path of a job's lock file, in the folder of the preprocessed data set.

    It is not in the folder of the cases: nnU-Net detects the file format of the cases from the files there.
    """
    return folder / f"holter-{job.name}.lock"


def random_split(training: TrainingCommand, environ: Mapping[str, str]) -> Message | None:
    """Return a warning if the fold is not in the data set's split; None if it is, or its folder is unknown.

    nnU-Net then makes a random split, and says so only in its log. Without a split yet it makes the usual number.
    """
    root, dataset = environ.get("nnUNet_preprocessed"), training.dataset_name(environ)
    if not training.fold.isdecimal() or not root or dataset is None:
        return None
    folds = folds_in(Path(root) / dataset)
    count = USUAL_FOLDS if folds is None else folds
    return words.RANDOM_SPLIT(fold=training.fold, count=count) if int(training.fold) >= count else None


def who_else(training: TrainingCommand, environ: Mapping[str, str]) -> Message | None:
    """Return a warning if another training prepares files of the same data set now; None if none does, or none is left.

    For commands that do not wait for it.
    """
    folder, jobs = jobs_of(training, environ) or (Path(), ())
    for job in jobs:
        if not (left := job.left()):
            continue
        state, about = read_state(lock_file(folder, job))
        if state == "held":
            return words.beside(job, words.holder_blanks(about), left)
        for starting in starting_trainings(folder, job.name):
            return words.beside(job, words.training_blanks(starting, host_of({"host": here()})), left)
    return None
