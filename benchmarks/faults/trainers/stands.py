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

from benchmarks.faults.trainers.armed import is_armed, is_first
from benchmarks.faults.trainers.early import nnUNetTrainerEarly

KIND, WHERE = "FAULTLAB_STANDS_IN", "FAULTLAB_WHERE"


def take_lock() -> None:
    """Wait for a lock that its holder never releases."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def ask_server() -> None:
    """Wait for a server that accepts the connection and never answers."""
    host, port = os.environ[WHERE].split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"weights?\n")
        connection.recv(1024)


def lock_file() -> None:
    """Wait for a file that another process has locked."""
    with Path(os.environ[WHERE]).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def match_words() -> None:
    """Match a pattern that practically never ends, inside one call of C code."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def count_up() -> None:
    """Run an endless Python loop."""
    number = 0
    while True:
        number = number * 3 % 1000003 + 1


def run_program() -> None:
    """Wait for a program that does not end."""
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
        """Run one step."""
        if is_armed():
            CALLS[os.environ[KIND]]()
        return super().train_step(batch)


class nnUNetTrainerPauses(nnUNetTrainer):  # type: ignore[misc]
    """Every twelve seconds its step waits eight seconds for a slow licence server."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        now = time.monotonic()
        if is_armed() and now - getattr(self, "_asked", 0.0) > 12.0:
            self.ask_licence()
            self._asked = time.monotonic()
        return super().train_step(batch)

    def ask_licence(self) -> None:
        """Wait for the server."""
        time.sleep(8.0)


class Stands:
    """A transform that does not return."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if is_armed():
            CALLS[os.environ[KIND]]()
        return data


class StandsOnce:
    """A transform that does not return in the first worker that reaches it."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if is_first(Path(os.environ[WHERE])):
            count_up_slowly()
        return data


def count_up_slowly() -> None:
    """Run an endless loop that hardly needs a CPU."""
    while True:
        time.sleep(0.5)


class nnUNetTrainerWorkersStand(nnUNetTrainer):  # type: ignore[misc]
    """All of its data workers make a call that does not return."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, Stands())
        return transforms


class nnUNetTrainerOneWorkerStands(nnUNetTrainerEarly):
    """One of its data workers makes a call that does not return; the training ends normally some time later."""

    def is_enough(self) -> bool:
        """Whether enough time has passed since it was armed."""
        if not is_armed():
            return False
        self._since = getattr(self, "_since", time.monotonic())
        return time.monotonic() - self._since > float(os.environ["FAULTLAB_LASTS_S"])

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, StandsOnce())
        return transforms
