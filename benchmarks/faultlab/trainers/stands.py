"""Trainers with a call of their own that does not return, in the main process or in all data workers."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faultlab.armed import is_armed
from benchmarks.faultlab.trainers.early import nnUNetTrainerEarly

KIND, WHERE = "FAULTLAB_STANDS_IN", "FAULTLAB_WHERE"


def take_lock() -> None:
    """A lock that its holder never gives back."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def ask_server() -> None:
    """A server takes the call and says nothing."""
    host, port = os.environ[WHERE].split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"weights?\n")
        connection.recv(1024)


def lock_file() -> None:
    """Somebody else has locked the file."""
    with Path(os.environ[WHERE]).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def match_words() -> None:
    """A pattern that takes longer than the universe lasts, inside one call of C code."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def count_up() -> None:
    """A Python loop without end."""
    number = 0
    while True:
        number = number * 3 % 1000003 + 1


def run_program() -> None:
    """A program that does not end."""
    subprocess.run(["sleep", "100000"], check=True)


CALLS = {
    "lock": take_lock,
    "socket": ask_server,
    "file-lock": lock_file,
    "native-loop": match_words,
    "python-loop": count_up,
    "child": run_program,
}


class nnUNetTrainerStands(nnUNetTrainer):  # type: ignore[misc]
    """Its step makes a call that does not return, as soon as it is armed."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """One step."""
        if is_armed():
            CALLS[os.environ[KIND]]()
        return super().train_step(batch)


class nnUNetTrainerPauses(nnUNetTrainer):  # type: ignore[misc]
    """Its step asks a slow licence server, every twelve seconds, for eight."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """One step."""
        now = time.monotonic()
        if is_armed() and now - getattr(self, "_asked", 0.0) > 12.0:
            self.ask_licence()
            self._asked = time.monotonic()
        return super().train_step(batch)

    def ask_licence(self) -> None:
        """Wait for it."""
        time.sleep(8.0)


class Stands:
    """A transform that does not return."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Hand the data on."""
        if is_armed():
            CALLS[os.environ[KIND]]()
        return data


class StandsOnce:
    """A transform that does not return in the first worker that comes to it."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Hand the data on."""
        if is_armed():
            try:
                Path(os.environ[WHERE]).touch(exist_ok=False)
            except FileExistsError:
                return data
            count_up_slowly()
        return data


def count_up_slowly() -> None:
    """A loop without end that hardly needs a CPU."""
    while True:
        time.sleep(0.5)


class nnUNetTrainerWorkersStand(nnUNetTrainer):  # type: ignore[misc]
    """All of its data workers make a call that does not return."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """The stock ones and ours."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, Stands())
        return transforms


class nnUNetTrainerOneWorkerStands(nnUNetTrainerEarly):
    """One of its data workers makes a call that does not return; it ends in order some time after that."""

    def is_enough(self) -> bool:
        """So long after it was armed."""
        if not is_armed():
            return False
        self._since = getattr(self, "_since", time.monotonic())
        return time.monotonic() - self._since > float(os.environ["FAULTLAB_LASTS_S"])

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """The stock ones and ours."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, StandsOnce())
        return transforms
