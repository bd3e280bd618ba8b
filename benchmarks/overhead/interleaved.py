"""Measure whether recording slows a training: stop and continue the recorder of one running training in turns.

Two trainings never run alike: their steps differ by several percent on a shared machine. Within one training, blocks
of some seconds with the recorder at work and with all its processes stopped (SIGSTOP; the training does not notice)
alternate, so that slow changes affect both. Each pair of blocks gives a difference; the order within a pair is random.
The hook stays in the training all the time: its cost is measured separately (``benchmarks.hook_cost``).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.material import say
from holter.demo.prepare import Prepared
from holter.hook import page

BLOCK_S = 8.0
# After a switch the recorder reads what it missed, which never happens in normal operation.
SETTLE_S = 2.0
WARM_UP_S = 25.0  # start-up, the first reads of everything, and the first steps
START_WITHIN_S = 90.0
ENDLESS = 1_000_000  # iterations of the one epoch; this program ends the training
END_WAIT_S = 20.0


class Block(NamedTuple):
    """Steps of a stretch of time."""

    steps: int
    seconds: float

    @property
    def step_s(self) -> float:
        """Mean duration of a step, in seconds."""
        return self.seconds / self.steps


def interleave(brains: Prepared, folder: Path, pairs: int) -> list[tuple[Block, Block]]:
    """Return pairs of blocks, with the recorder stopped and at work. No process is left behind, even on an error.

    Raises:  RuntimeError if the training does not start or ends early.
    """
    folder.mkdir()
    scratch = folder / "tmp"
    scratch.mkdir()
    command = [sys.executable, "-m", "holter", "run", "--quiet", "--tape", str(folder / "run.holter"), "--"]
    command += brains.command("--epochs", "1", "--iterations", str(ENDLESS), "--no-validation")
    variables = {**os.environ, **brains.environment(), "nnUNet_results": str(folder), "TMPDIR": str(scratch)}
    with (folder / "output.txt").open("wb") as sink:
        run = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        beat = _wait_for_steps(scratch, run)
        time.sleep(WARM_UP_S)
        return [_said(number, _pair(beat, run.pid, random.Random(number))) for number in range(pairs)]
    finally:
        _end(run)


def _said(number: int, pair: tuple[Block, Block]) -> tuple[Block, Block]:
    without, recorded = (block.step_s * 1000 for block in pair)
    say(f"pair {number + 1}: {without:.2f} ms a step, with the recorder {recorded:.2f} ms")
    return pair


def _pair(beat: Path, recorder: int, draw: random.Random) -> tuple[Block, Block]:
    blocks: dict[bool, Block] = {}
    for recorded in draw.sample((True, False), 2):
        _let(recorder, beat, at_work=recorded)
        time.sleep(SETTLE_S)
        blocks[recorded] = _block(beat)
    _let(recorder, beat, at_work=True)
    return blocks[False], blocks[True]


def _block(beat: Path) -> Block:
    # From the last step before to the last step within: no step is cut.
    before = _look(beat)
    time.sleep(BLOCK_S)
    after = _look(beat)
    if after[0] == before[0]:
        raise RuntimeError("the training does not move")
    return Block(after[0] - before[0], after[1] - before[1])


def _look(beat: Path) -> tuple[int, float]:
    # Number of steps done, and time of the last one.
    for _ in range(100):
        seen = page.decode(beat.read_bytes())
        if seen is not None and seen.progressed is not None:
            return seen.steps_total, seen.progressed
        time.sleep(0.001)
    raise RuntimeError("the heartbeat cannot be read")


def _let(recorder: int, beat: Path, *, at_work: bool) -> None:
    # Stop or continue ``holter run`` and its helpers; the training and its descendants are not touched.
    training = int(beat.name.partition("-")[2])
    run = psutil.Process(recorder)
    for process in [run, *run.children()]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a stack dump has just ended
            if process.pid != training:
                process.send_signal(signal.SIGCONT if at_work else signal.SIGSTOP)


def _wait_for_steps(scratch: Path, run: subprocess.Popen[bytes]) -> Path:
    until_s = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until_s and run.poll() is None:
        for path in scratch.glob("holter-*/beat-*"):
            seen = page.decode(path.read_bytes())
            if seen is not None and seen.role == "main" and seen.steps_total > 0:
                return path
        time.sleep(0.5)
    raise RuntimeError(f"the training did not begin: {run.poll()}")


def _end(run: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGCONT, signal.SIGTERM):
        _signal_all(run.pid, number)
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(END_WAIT_S)
    _signal_all(run.pid, signal.SIGKILL)
    run.wait()


def _signal_all(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def as_seconds(pairs: Sequence[tuple[Block, Block]]) -> list[tuple[float, float]]:
    """Return seconds per step, without and with the recorder."""
    return [(without.step_s, recorded.step_s) for without, recorded in pairs]
