"""The main process is killed at a random moment, while it saves, or after its checkpoints were damaged."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.faults.fault import Fault, Promise, Stage
from benchmarks.faults.outside import Outside
from benchmarks.faults.signals import Signalled
from holter.demo.faults.signals import stop
from holter.hook.checkpoints.select import LATEST, PREVIOUS, TEMPORARY

RANDOM_WITHIN_S = 8.0  # more than an epoch, and shorter than the shortest run
HUNT_EVERY_S = 0.0003  # a checkpoint of the small network is written in some milliseconds
# Epochs from one kill to the next: Holter resets its ladder after two finished epochs.
EPOCHS_BETWEEN = 3
UNTIL_SAVED = 2  # and then until the next checkpoint is being written
# Holter gives up after six heals within an hour, as it should (one is left for other faults); more kills need more
# runs.
KILLS_A_RUN = 5


class MainKilled(Signalled):
    """SIGKILL at a random moment."""

    name = "main-sigkill"
    summary = "the main process is killed at a random moment"
    promise = "goes-on"

    def __init__(self) -> None:
        super().__init__("main", signal.SIGKILL)
        self._first_s: float | None = None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Draw the moment."""
        self._delay_s = random.Random(f"{self.name} {stage.number}").uniform(0, RANDOM_WITHIN_S)
        return {}

    def is_time(self, outside: Outside) -> bool:
        """Whether that moment has come, counted from the second epoch on."""
        if self._first_s is None and 1 in outside.printed().begun:
            self._first_s = time.monotonic()
        return self._first_s is not None and time.monotonic() >= self._first_s + self._delay_s


class TornNewest(Fault):
    """The newest checkpoint is torn, as by a power cut, and the main process is killed."""

    name = "torn-newest"
    summary = "the newest checkpoint is torn and the main process killed"
    promise: Promise = "goes-on"

    def is_time(self, outside: Outside) -> bool:
        """Wait for two generations; without Holter there is only the best checkpoint to tear."""
        if not super().is_time(outside) or outside.fold is None:
            return False
        names = (LATEST, PREVIOUS) if outside.supervised else ("checkpoint_best.pth",)
        is_written = any(outside.fold.glob("*" + TEMPORARY))
        return all((outside.fold / name).exists() for name in names) and not is_written

    def inject(self, outside: Outside) -> None:
        """Stop, tear, kill: so that nothing is saved in between."""
        assert outside.main is not None
        assert outside.fold is not None
        stop(outside.main)
        self.strike()
        for file in self.torn(outside.fold):
            os.truncate(file, file.stat().st_size // 2)
        outside.main.send_signal(signal.SIGKILL)

    def torn(self, fold: Path) -> list[Path]:
        """Return the files to tear: all except the generation before the newest one."""
        return [file for file in fold.glob("checkpoint_*.pth") if file.name != PREVIOUS]


class TornAll(TornNewest):
    """No checkpoint is left whole."""

    name = "torn-all"
    summary = "all checkpoints are torn and the main process killed: there is nothing to continue from"
    promise = "stops"

    def torn(self, fold: Path) -> list[Path]:
        """Return all checkpoints."""
        return list(fold.glob("checkpoint_*.pth"))


class KilledWhileSaving(Fault):
    """Repeated SIGKILL exactly while a checkpoint is being written."""

    name = "main-sigkill-while-saving"
    summary = "the main process is killed while a checkpoint is being written"
    promise = "goes-on"
    # Only saving matters here: an epoch of one second, not of five.
    iterations = 5
    val_iterations = 1

    def __init__(self, kills: int = KILLS_A_RUN, **facts: Any) -> None:
        super().__init__(strikes=kills, epochs=(EPOCHS_BETWEEN + UNTIL_SAVED) * kills + 2, **facts)
        self._over = threading.Event()

    def is_time(self, outside: Outside) -> bool:
        """Start with the second epoch."""
        return 1 in outside.printed().begun

    def inject(self, outside: Outside) -> None:
        """Start to wait for the moment."""
        threading.Thread(target=self._hunt, args=(outside,), daemon=True).start()

    def _hunt(self, outside: Outside) -> None:
        after = EPOCHS_BETWEEN - 1  # no kill before this epoch has started
        while len(self.struck) < self.strikes and not self._over.wait(HUNT_EVERY_S):
            fold = outside.fold
            if fold is None or outside.main is None or max(outside.printed().begun, default=0) < after:
                self._over.wait(0.05)
            elif self._kill_in_time(fold, outside.main, supervised=outside.supervised):
                after = max(outside.printed().begun) + EPOCHS_BETWEEN
                self.strike()

    def _kill_in_time(self, fold: Path, main: psutil.Process, *, supervised: bool) -> bool:
        # Poll quickly for a while; return whether it was killed.
        until_s = time.monotonic() + 0.5
        names = (LATEST + TEMPORARY,) if supervised else ("checkpoint_best.pth",)
        began = time.time()
        while time.monotonic() < until_s and not self._over.wait(HUNT_EVERY_S):
            for name in names:
                with contextlib.suppress(OSError, psutil.Error):
                    if (fold / name).stat().st_mtime >= began:
                        main.send_signal(signal.SIGKILL)
                        return True
        return False

    def relieve(self) -> None:
        """Stop waiting."""
        self._over.set()


CAMPAIGN = (MainKilled, TornNewest, TornAll, KilledWhileSaving)
