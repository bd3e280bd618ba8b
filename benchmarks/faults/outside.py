"""A training as seen from its machine: processes, printed lines, files. Nothing here uses Holter's data."""

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
# From the line "Epoch 2" on: the workers run, and most of the epoch's steps are still to come.
INTO_EPOCH_S = 1.0
NUMBER = re.compile(r"\(?(-?\d*\.?\d+(?:e-?\d+)?|nan)\)?(?=[,\])]|$)")


class Printed(NamedTuple):
    """nnU-Net's output so far, over all its starts."""

    begun: tuple[int, ...] = ()  # epochs in the order of their starts
    ended: tuple[int, ...] = ()
    train_loss: float | None = None  # of the last epoch
    dice: float | None = None  # mean pseudo Dice of the last epoch
    predicted: int = 0  # cases of the final validation that were started
    validated: bool = False

    @property
    def validates(self) -> bool:
        """Whether the final validation has started."""
        return self.predicted > 0

    @property
    def begun_again(self) -> int:
        """Number of epochs that were started again, each time counted."""
        return len(self.begun) - len(set(self.begun))

    @property
    def finished_again(self) -> int:
        """Number of finished epochs that were done again."""
        return len(self.ended) - len(set(self.ended))


class Outside:
    """One training; ``leader`` is the process that we started: ``holter run``, or nnU-Net itself."""

    def __init__(self, leader: int, folder: Path, brains: Prepared, *, supervised: bool, fault_epoch: int) -> None:
        self.leader = leader
        self.folder = folder
        self.supervised = supervised
        self.fault_epoch = fault_epoch
        self.main: psutil.Process | None = None
        self.brains = brains
        self._printed: tuple[int, Printed] = (0, Printed())
        self._epoch: tuple[int, float] = (-1, 0.0)  # the last that was seen, and since when

    @property
    def output(self) -> Path:
        """File with the output of the training."""
        return self.folder / "output.txt"

    @property
    def fold(self) -> Path | None:
        """Folder of the training's results; None while it does not exist."""
        return next((self.folder / "results").glob("Dataset*/*/fold_0"), None)

    def look(self) -> psutil.Process | None:
        """Return the training's running main process; the last known one if none is running."""
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
        """Whether a main process is running."""
        return self.main is not None and is_there(self.main)

    def printed(self) -> Printed:
        """Return the parsed output so far."""
        try:
            size = self.output.stat().st_size
        except OSError:
            return Printed()
        if size != self._printed[0]:
            self._printed = size, parse(self.output.read_text(errors="replace"))
        return self._printed[1]

    def is_into_epoch(self) -> bool:
        """Whether the epoch in which faults come, or a later one, has run for a moment."""
        epoch = max(self.printed().begun[-1:], default=-1)
        if epoch != self._epoch[0]:
            self._epoch = epoch, time.monotonic()
        return epoch >= self.fault_epoch and time.monotonic() - self._epoch[1] >= INTO_EPOCH_S

    def data_workers(self) -> list[int]:
        """PIDs of both loaders' workers, those for training batches first: they are forked first."""
        return [process.pid for process in self._children() if _command(process)[1:3] == TRAINING]

    def train_workers(self) -> list[int]:
        """PIDs of the workers for training batches."""
        workers = self.data_workers()
        # nnU-Net starts half as many for validation batches, but at least one.
        count = next((n for n in range(1, len(workers)) if n + max(1, n // 2) == len(workers)), len(workers))
        return workers[:count]

    def export_workers(self) -> list[int]:
        """PIDs of processes that nnU-Net's final validation, or Holter in its place, has spawned."""
        return [process.pid for process in self._children() if any(SPAWNED in word for word in _command(process))]

    def context(self) -> Context:
        """Context for faults of ``holter demo``."""
        workers = tuple(Worker(pid=pid, role="train-worker") for pid in self.train_workers())
        main_pid = self.main.pid if self.main is not None else None
        return Context(scratch=self.folder, preprocessed=self.brains.preprocessed, main_pid=main_pid, workers=workers)

    def _children(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            if self.main is not None:
                return sorted(self.main.children(), key=lambda child: (child.create_time(), child.pid))
        return []


def parse(text: str) -> Printed:
    """Parse nnU-Net's output."""
    begun: list[int] = []
    ended: list[int] = []
    loss = dice = None
    for match in LINE.finditer(text):
        if match["begun"] is not None:
            begun.append(int(match["begun"]))
        elif match["ended"] is not None and begun:
            ended.append(begun[-1])
        elif match["loss"] is not None:
            loss = _float(match["loss"])
        elif match["dice"] is not None:
            values = [value for value in map(_float, NUMBER.findall(match["dice"])) if value is not None]
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
    """Whether the process exists and is not a zombie."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def session(leader: int) -> list[psutil.Process]:
    """Return all processes of the session that ``leader`` started; the leader may have ended."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if os.getsid(process.pid) == leader and is_there(process):
                processes.append(process)
    return processes


def end_session(leader: int) -> int:
    """Kill all of them; return how many there were."""
    first: int | None = None
    until_s = time.monotonic() + GONE_WITHIN_S
    while (left := session(leader)) and time.monotonic() < until_s:
        first = len(left) if first is None else first
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        time.sleep(0.1)
    return first or 0
