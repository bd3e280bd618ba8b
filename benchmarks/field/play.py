"""Run one case: start it like a user, break it, and keep Holter's output."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults.run import ERRORS, OUTPUT, TAPE
from benchmarks.field.case import SHIM, TRAINERS, Case, Place
from benchmarks.field.processes import (
    LETTER,
    PREFIX,
    end_all,
    letter_of,
    main_process,
    main_processes,
    start_marked,
    workers,
)

CUT = "cut.holter"
POLL_EVERY_S = 0.5
# The line about what Holter can observe comes within a minute; a busy machine needs a little longer.
CONTRACT_WITHIN_S = 75.0
LIMIT_S = 420.0  # enough for a busy machine
STARTS_WITHIN_S = 60.0
# Output within this time after a verdict may still change it.
SETTLE_S = 12.0
# Log, age in seconds and epoch of an earlier training's checkpoints in the folder; no other run gets that far.
BEFORE, MONTH_S, OLDER_EPOCH = "before.txt", 30 * 86_400.0, 150
AGE = """
import sys, torch
for file in sys.argv[2:]:
    held = torch.load(file, weights_only=False)
    held["current_epoch"] = int(sys.argv[1])
    torch.save(held, file)
"""
SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


class Played(NamedTuple):
    """Result of the processes."""

    holter_code: int | None  # None: ended by the benchmark
    training_code: int | None  # with attach: the training's own; else the same
    wall_s: float
    problem: str | None = None


def play(case: Case, place: Place, stop: threading.Event) -> Played:
    """Start, break, watch, keep the output. No process is left behind, even on an error."""
    began_s = time.monotonic()
    (place.folder / "tmp").mkdir()
    try:
        run = _Run(case, place, stop)
        problem = run.follow()
        cut(place.folder / TAPE, place.folder / CUT)
        return run.played(problem)._replace(wall_s=round(time.monotonic() - began_s, 1))
    finally:
        end_all(place.folder)


def cut(tape: Path, copy: Path) -> None:
    """Copy the present tape, also while it is written: later entries come from the benchmark itself."""
    with contextlib.closing(sqlite3.connect(tape)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)


class _Run:
    """The processes of one case."""

    def __init__(self, case: Case, place: Place, stop: threading.Event) -> None:
        self._case, self._place, self._stop = case, place, stop
        self._struck_s: float | None = None
        self._began_s = time.monotonic()
        holter = [sys.executable, "-m", "holter"]
        tape = ["--tape", str(place.folder / TAPE), "--lang", "en"]
        command = case.command(place)
        if case.older:
            self._train_before(command)
            self._began_s = time.monotonic()
        self.training: subprocess.Popen[bytes] | None = None
        if case.attach:
            self.training = self._start(command, OUTPUT, OUTPUT)
            self._wait_for_workers()
            self.holter = self._start([*holter, "attach", *tape, str(self.training.pid)], LETTER, LETTER)
        else:
            heal = ["--heal"] if case.heal else []
            self.holter = self._start([*holter, "run", *heal, *tape, "--", *command], OUTPUT, ERRORS)

    def _start(self, command: Sequence[str], output: str, errors: str, **more: str) -> subprocess.Popen[bytes]:
        place = self._place
        variables = {
            "nnUNet_extTrainer": str(TRAINERS),
            "PYTHONPATH": os.pathsep.join(str(folder) for folder in (place.packages, SHIM) if folder is not None),
            **dict(self._case.variables),
            **more,
        }
        return start_marked(command, place.folder, place.brains.environment(), variables, output, errors)

    def _train_before(self, command: Sequence[str]) -> None:
        # A training of last month in the same folder: its checkpoints are whole, and none is from this run.
        process = self._start(command, BEFORE, BEFORE, FIELD_EPOCHS="1")
        while process.poll() is None and not self._stop.is_set():
            time.sleep(POLL_EVERY_S)
        files = list((self._place.folder / "results").rglob("checkpoint_*.pth"))
        if process.returncode or not files:
            raise RuntimeError(f"the earlier training ended with {process.returncode} and {len(files)} checkpoints")
        subprocess.run([sys.executable, "-c", AGE, str(OLDER_EPOCH), *files], check=True, capture_output=True)
        for file in files:
            os.utime(file, (time.time() - MONTH_S,) * 2)

    def _wait_for_workers(self) -> None:
        # Wait until it trains: before, it cannot be recognised as a training.
        while not self._stop.is_set() and time.monotonic() - self._began_s < STARTS_WITHIN_S:
            main = main_process(self._place.folder, self._case.main)
            if main is not None and workers(main):
                return
            time.sleep(POLL_EVERY_S)

    def follow(self) -> str | None:
        """Wait until all expected output has come; return the problem of the run itself, or None."""
        case, last_s = self._case, LIMIT_S
        verdict_s: float | None = None
        while self.holter.poll() is None:
            now_s = time.monotonic() - self._began_s
            if self._stop.is_set():
                return "interrupted"
            if case.strike and self._struck_s is None and self._is_time(now_s):
                if self._strike(case.strike):
                    self._struck_s = now_s
                    last_s = now_s + case.watch_s
                elif now_s > LIMIT_S:  # between two epochs a DataLoader may have no workers
                    return "there is no process to break"
            elif case.breaks and self._struck_s is None and not case.ends and self._has_settled(now_s):
                self._struck_s, last_s = now_s, now_s + 2 * case.watch_s
            if case.broken and verdict_s is None and re.search(case.until, letter_of(self._place.folder)):
                verdict_s = now_s
            if verdict_s is not None and now_s - verdict_s > SETTLE_S and not case.ends:
                return None
            if now_s > last_s:
                return None if self._struck_s is not None else f"not over after {LIMIT_S:.0f} s"
            time.sleep(POLL_EVERY_S)
        return None if not case.strike or self._struck_s is not None else "it ended before it was broken"

    def played(self, problem: str | None) -> Played:
        """Return the result."""
        training = self.holter if self.training is None else self.training
        return Played(self.holter.poll(), training.poll(), 0.0, problem)

    def _has_settled(self, now_s: float) -> bool:
        return now_s > CONTRACT_WITHIN_S or any(
            line.startswith(f"{PREFIX} sees ") for line in letter_of(self._place.folder).splitlines()
        )

    def _is_time(self, now_s: float) -> bool:
        pattern = self._case.strikes_at
        if pattern is None:
            return self._has_settled(now_s)
        with contextlib.suppress(OSError):
            return re.search(pattern, (self._place.folder / OUTPUT).read_text(errors="replace"), re.M) is not None
        return False

    def _strike(self, what: str) -> bool:
        number, _, whom = what.partition("-")
        mains = main_processes(self._place.folder, self._case.main)
        of_main = workers(mains[0]) if mains else []
        # Frameworks keep the workers of an epoch that is over for a while: the newest are at work.
        victims = {"main": mains[:1], "rank": mains[1:][-1:], "newest": of_main[-1:]}.get(whom, of_main)
        for victim in victims[:1]:
            victim.send_signal(SIGNALS[number])
            return True
        return False
