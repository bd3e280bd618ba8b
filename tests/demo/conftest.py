"""A real training that a test can look at, break and end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from holter.demo.faults import FAULTS, Context, DemoFault, Worker
from holter.demo.prepare import WORKERS, Prepared
from needs import require_for

TRAIN_WORKERS = min(int(WORKERS), os.cpu_count() or 1)
START_WAIT_S = 90.0  # torch and nnU-Net are imported and workers started; a busy machine takes half a minute


class Training:
    """A shortened nnU-Net training in a process of its own, in the middle of epoch 1."""

    def __init__(self, command: list[str], environment: dict[str, str], scratch: Path) -> None:
        self.console = scratch / "console.txt"
        with self.console.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                env=os.environ | environment | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.main = psutil.Process(self.process.pid)
        self._started: list[psutil.Process] = []

    def output(self) -> str:
        return self.console.read_text(errors="replace")

    def wait_for(self, text: str, limit_s: float = START_WAIT_S) -> None:
        wait_until(lambda: text in self.output() or self.process.poll() is not None, limit_s)
        assert text in self.output(), self.output()[-2000:]

    def workers(self) -> tuple[Worker, ...]:
        """nnU-Net starts the training workers first, then those of the validation batches."""
        children = sorted(self.main.children(), key=lambda child: (child.create_time(), child.pid))
        found = [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]
        self._started = children
        # nnU-Net starts no more than there are CPUs.
        roles = ["train-worker"] * TRAIN_WORKERS + ["val-worker"] * len(found)
        return tuple(Worker(pid=child.pid, role=role) for child, role in zip(found, roles, strict=False))

    def cpu_ratio(self, span_s: float = 2.0) -> float:
        """Cores that the main process uses now."""
        return cpu_ratio([self.main], span_s)

    def goes_on(self, limit_s: float = START_WAIT_S) -> bool:
        """Whether another epoch begins: CPU time would tell sooner, but on a busy machine nobody gets much of it."""
        before = self.output().count("Epoch ")
        return wait_until(lambda: self.output().count("Epoch ") > before, limit_s)

    def end(self) -> None:
        processes = [*self._started, *(self.main.children(recursive=True) if self.main.is_running() else [])]
        self.process.kill()
        for process in processes:
            _kill(process)
        self.process.wait()


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def cpu_ratio(processes: list[psutil.Process], span_s: float = 2.0) -> float:
    def used_s() -> float:
        return sum(times.user + times.system for times in (process.cpu_times() for process in processes))

    before_s = used_s()
    time.sleep(span_s)
    return (used_s() - before_s) / span_s


def wait_until(condition: Callable[[], bool], limit_s: float) -> bool:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


# Faults that one training can be ready for at once; the others end it soon, or shorten it.
STAGED = ("freeze-worker", "slow-disk", "cpu-quota", "vgpu-licence", "kill-main")


class Stage:
    """One training for all these faults: each test relieves its own; where a test ended it, a new one begins."""

    def __init__(self, brain: Prepared, scratch: Path) -> None:
        self.training: Training | None = None
        self._brain = brain
        self._faults = [fault for fault in FAULTS if fault.name in STAGED and fault.needs() is None]
        self.context = Context(scratch=scratch, preprocessed=brain.preprocessed)

    def play(self, fault: DemoFault) -> tuple[Training, Context]:
        """The training, at least in the middle of epoch 1 and ready for that fault."""
        require_for(fault)
        if self.training is None or self.training.process.poll() is not None:
            self.clear()
            self.training = self._start()
            self.training.wait_for("Epoch 1\n")
            time.sleep(1)
        pid, workers = self.training.process.pid, self.training.workers()
        return self.training, msgspec.structs.replace(self.context, main_pid=pid, workers=workers)

    def _start(self) -> Training:
        environment = self._brain.environment() | {"nnUNet_results": str(self.context.scratch / "results")}
        command = self._brain.command("--epochs", "400", "--no-validation")
        for fault in self._faults:
            environment |= fault.prepare(self.context)
            command = fault.wrap(command)
        return Training(command, environment, self.context.scratch)

    def clear(self) -> None:
        """End the training and take down what the faults put up."""
        if self.training is not None:
            self.training.end()
            self.training = None
        for fault in self._faults:
            fault.undo(self.context)


@pytest.fixture(scope="module")
def stage(brain: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(brain, tmp_path_factory.mktemp("stage"))
    yield stage
    stage.clear()


@pytest.fixture
def broken(stage: Stage) -> Iterator[Callable[[DemoFault], tuple[Training, Context]]]:
    """Take the training to the point where a fault can be injected; a fault that a test leaves is relieved."""
    played: list[tuple[DemoFault, Context]] = []

    def play(fault: DemoFault) -> tuple[Training, Context]:
        training, context = stage.play(fault)
        played.append((fault, context))
        return training, context

    yield play
    for fault, context in played:
        fault.relieve(context)
