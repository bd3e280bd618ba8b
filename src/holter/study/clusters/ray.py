"""``holter study run --ray ADDRESS``: one task of Ray Core a training, anywhere on the cluster.

Ray chooses the node and its GPU, and says when a node is gone. Everything else is as on one machine: the queue, the
fold locks on the shared disk, the exit codes of ``holter train``. Holter and nnU-Net must be installed on each node.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from holter.errors import CannotDoHere, MissingExtra
from holter.install import extra_line
from holter.records.exit_codes import REQUEUE
from holter.sentences import NOTHING_STARTED, define
from holter.study.queue import Slot
from holter.study.records import Job
from holter.study.slots import MOST_WORKERS, THREADS, WORKERS
from holter.study.trainings import Outputs, absolute, words_of
from holter.supervisor.child_error import ERROR_FILE
from holter.texts.training_command import NNUNET_PATHS

NO_RAY = define("error.no-ray", "--ray needs Ray, which is not installed.")
NO_CLUSTER = define("error.ray-no-cluster", "No Ray cluster can be reached at {address}: {why}")
START_ONE = define("next.ray-start", "ray start --head on one machine, ray start --address=HOST:6379 on the others")
NO_GPU_THERE = define("error.ray-no-gpu", "This Ray cluster has no GPU.")
ON_CPUS = define("next.ray-on-cpus", "-- -device cpu trains on CPUs")

PR_SET_PDEATHSIG = 1
POLL_S = 0.5
KILL = "kill"
KILLED_WITHIN_S = 5.0
# Nothing of Ray's is read by a training.
PASSED_ON = (*NNUNET_PATHS, "nnUNet_", "HOLTER_", "OMP_", "MKL_", "XDG_STATE_HOME", "HOME", "PATH", "PYTHONPATH")


def train(command: Sequence[str], folder: str, variables: Mapping[str, str], console: str, stop: str) -> int:
    """Run a training on this node; return its exit code. This is the task: it runs in a worker process of Ray.

    ``stop``: a file on the shared disk; once it is there the training is asked to save and to end, or killed.
    """
    asked = Path(stop)
    if asked.exists():
        return REQUEUE
    with Path(console).open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},  # Ray has set CUDA_VISIBLE_DEVICES
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        was_asked = False
        while (code := process.poll()) is None:
            time.sleep(POLL_S)
            if asked.exists() and asked.read_text() == KILL:
                os.killpg(process.pid, signal.SIGKILL)
            elif asked.exists() and not was_asked:
                was_asked = True
                process.terminate()
        return code


class RayTrainings(Outputs):
    """The trainings of this call on a cluster; used as ``trainings.Trainings``.

    Raises:  MissingExtra, CannotDoHere.
    """

    def __init__(self, address: str, out: Path, extra: tuple[str, ...], slots: int | None = None) -> None:
        """``slots``: how many may run at a time; None: as many as the cluster has GPUs, or CPUs."""
        if importlib.util.find_spec("ray") is None:
            raise MissingExtra(NO_RAY(), safe=NOTHING_STARTED(), next_step=extra_line("ray"))
        self._ray: Any = importlib.import_module("ray")
        super().__init__(out)  # on the shared disk
        self._extra = extra
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise CannotDoHere(
                NO_CLUSTER(address=address, why=why), safe=NOTHING_STARTED(), next_step=START_ONE()
            ) from error
        there = self._ray.cluster_resources()
        cpus, gpus = int(there.get("CPU", 1)), int(there.get("GPU", 0))
        self._on_cpus = "cpu" in extra
        if not gpus and not self._on_cpus:
            raise CannotDoHere(NO_GPU_THERE(), safe=NOTHING_STARTED(), next_step=ON_CPUS())
        count = slots or (cpus if self._on_cpus else gpus)
        self._cpus = max(1, min(MOST_WORKERS, cpus // max(1, count)))
        self.slots = tuple(Slot(f"ray-{number}") for number in range(count))
        self._task = self._ray.remote(max_retries=0, num_cpus=self._cpus, num_gpus=0 if self._on_cpus else 1)(train)
        self._refs: dict[Any, Job] = {}
        self._stop = out / f".stop-{secrets.token_hex(4)}"

    def start(self, job: Job, _: Slot, variables: Mapping[str, str], _inherited: tuple[int, ...] = ()) -> int:
        """Give a training to the cluster; return 0, because its process is not known yet.

        Raises:  OSError.
        """
        self.make_ready(job)
        passed = {name: value for name, value in variables.items() if name.startswith(PASSED_ON)}
        passed.setdefault(WORKERS, str(self._cpus))
        if self._on_cpus:
            passed.setdefault(THREADS, str(self._cpus))
        command = [sys.executable, "-m", "holter", *words_of(job, self._extra)]
        passed |= absolute(variables) | {ERROR_FILE: str(self.error_file(job))}
        console, stop = str(self.console_of(job)), str(self._stop)
        ref = self._task.remote(command, str(self._out), passed, console, stop)
        self._refs[ref] = job
        return 0

    @property
    def running(self) -> int:
        """How many trainings run, or wait for a node."""
        return len(self._refs)

    def ended(self) -> list[tuple[Job, int | None]]:
        """Return the trainings that have ended, with their exit codes; None: the node or Ray's worker is gone."""
        if not self._refs:
            return []
        ready, _ = self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=0)
        return [(self._refs.pop(ref), self._code(ref)) for ref in ready]

    def ask_to_stop(self) -> None:
        """Ask each training to save and to end."""
        self._stop.write_text("")

    def kill(self) -> None:
        """Kill all trainings, and wait a moment until they are gone."""
        self._stop.write_text(KILL)
        self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=KILLED_WITHIN_S)

    def close(self) -> None:
        self._stop.unlink(missing_ok=True)
        self._ray.shutdown()

    def _code(self, ref: Any) -> int | None:
        errors = self._ray.exceptions
        try:
            return int(self._ray.get(ref))
        except errors.RayError:
            return None


# Looked up before the fork: after it, in a process with many threads, the lock of the dynamic linker may be held.
_PRCTL = ctypes.CDLL(None).prctl


def _end_with_parent() -> None:
    # If Ray's worker dies the training saves and ends, so that another node can go on with it.
    _PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM)
