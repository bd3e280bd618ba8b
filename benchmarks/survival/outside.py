"""A training as anybody on its machine sees it: processes, printed lines, files. Nothing here asks Holter."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from holter.demo.faults import Context, Worker
from holter.demo.prepare import Prepared

TRAINING = ["-m", "holter.trainer.shortened"]
SPAWNED = "multiprocessing.spawn"  # in the command line of an export worker
GONE_WITHIN_S = 10.0

LINE = re.compile(
    r": (?:Epoch (?P<begun>\d+)|(?P<ended>Epoch time): .*|train_loss (?P<loss>\S+)|Pseudo dice (?P<dice>.*))"
)
NUMBER = re.compile(r"\(?(-?\d*\.?\d+(?:e-?\d+)?|nan)\)?(?=[,\])]|$)")


class Printed(NamedTuple):
    """What nnU-Net has printed so far, over all its starts."""

    begun: tuple[int, ...] = ()  # epochs, in the order in which they began
    ended: tuple[int, ...] = ()
    train_loss: float | None = None  # of the last epoch
    dice: float | None = None  # its mean pseudo Dice
    predicted: int = 0  # cases of the final validation that were begun
    validated: bool = False

    @property
    def validates(self) -> bool:
        """Whether the final validation has begun."""
        return self.predicted > 0

    @property
    def begun_again(self) -> int:
        """Epochs that began once more, each time counted."""
        return len(self.begun) - len(set(self.begun))

    @property
    def finished_again(self) -> int:
        """Epochs that had been finished and were done once more."""
        return len(self.ended) - len(set(self.ended))


class Outside:
    """One training; ``leader`` is the process that we started: ``holter run``, or nnU-Net itself."""

    def __init__(self, leader: int, folder: Path, brains: Prepared, *, supervised: bool) -> None:
        self.leader = leader
        self.folder = folder
        self.supervised = supervised
        self.main: psutil.Process | None = None
        self._brains = brains
        self._printed: tuple[int, Printed] = (0, Printed())

    @property
    def output(self) -> Path:
        """What the training prints."""
        return self.folder / "output.txt"

    @property
    def fold(self) -> Path | None:
        """Where the training writes; None while it does not exist."""
        return next((self.folder / "results").glob("Dataset*/*/fold_0"), None)

    def look(self) -> psutil.Process | None:
        """The training's main process that runs now; the last that was found where there is none."""
        if self.main is not None and is_there(self.main):
            return self.main
        with contextlib.suppress(psutil.Error):
            leader = psutil.Process(self.leader)
            for process in leader.children() if self.supervised else [leader]:
                if _command(process)[1:3] == TRAINING:
                    self.main = process
        return self.main

    @property
    def runs(self) -> bool:
        """Whether a main process is there."""
        return self.main is not None and is_there(self.main)

    def printed(self) -> Printed:
        """What has been printed."""
        try:
            size = self.output.stat().st_size
        except OSError:
            return Printed()
        if size != self._printed[0]:
            self._printed = size, parse(self.output.read_text(errors="replace"))
        return self._printed[1]

    def data_workers(self) -> list[int]:
        """PIDs of both loaders' workers, those for training batches first: they are forked first."""
        return [process.pid for process in self._children() if _command(process)[1:3] == TRAINING]

    def train_workers(self) -> list[int]:
        """PIDs of those for training batches."""
        workers = self.data_workers()
        # nnU-Net starts half as many for validation batches, but one at least.
        count = next((n for n in range(1, len(workers)) if n + max(1, n // 2) == len(workers)), len(workers))
        return workers[:count]

    def export_workers(self) -> list[int]:
        """PIDs of processes that nnU-Net's final validation, or Holter for it, has spawned."""
        return [process.pid for process in self._children() if any(SPAWNED in word for word in _command(process))]

    def context(self) -> Context:
        """For faults of ``holter demo``."""
        workers = tuple(Worker(pid=pid, role="train-worker") for pid in self.train_workers())
        main_pid = self.main.pid if self.main is not None else None
        return Context(scratch=self.folder, preprocessed=self._brains.preprocessed, main_pid=main_pid, workers=workers)

    def _children(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            if self.main is not None:
                return sorted(self.main.children(), key=lambda one: (one.create_time(), one.pid))
        return []


def parse(text: str) -> Printed:
    """Read what nnU-Net has printed."""
    begun: list[int] = []
    ended: list[int] = []
    loss = dice = None
    for found in LINE.finditer(text):
        if found["begun"] is not None:
            begun.append(int(found["begun"]))
        elif found["ended"] is not None and begun:
            ended.append(begun[-1])
        elif found["loss"] is not None:
            loss = _float(found["loss"])
        elif found["dice"] is not None:
            values = [value for value in map(_float, NUMBER.findall(found["dice"])) if value is not None]
            dice = sum(values) / len(values) if values else None
    return Printed(tuple(begun), tuple(ended), loss, dice, text.count(": predicting "), "Validation complete" in text)


def _float(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _command(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words


def is_there(process: psutil.Process) -> bool:
    """Whether the process is there and not only waiting to be buried."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def session(leader: int) -> list[psutil.Process]:
    """All processes of the session that ``leader`` began; it need not be there any more."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if os.getsid(process.pid) == leader and is_there(process):
                found.append(process)
    return found


def end_session(leader: int) -> int:
    """End all of them; how many there were."""
    first: int | None = None
    until_s = time.monotonic() + GONE_WITHIN_S
    while (left := session(leader)) and time.monotonic() < until_s:
        first = len(left) if first is None else first
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        time.sleep(0.1)
    return first or 0
