"""One training, with or without ``holter run``: its cost, and the supervisor's cost."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from holter.demo.prepare import Prepared

LAUNCHER = Path(__file__).with_name("launcher.py")
POLL_EVERY_S = 1.0
# Imports, the first reads and the capture of the environment (repeated until 20 s) are one-time costs.
STEADY_AFTER_S = 22.0
END_WAIT_S = 20.0  # a training takes seconds to end; holter run waits for late lines of its log
EPOCH_TIME = re.compile(r"Epoch time: ([\d.]+) s")


class Settings(NamedTuple):
    """Length of a training, and number of idle processes beside it."""

    epochs: int
    iterations: int
    companions: int = 0


class Supervisor(NamedTuple):
    """Cost of ``holter run`` and its helpers; shares are of one core."""

    steady_ratio: float | None  # None: the run was too short to become steady
    all_cpu_s: float  # from its start to its end, helpers included
    peak_rss_bytes: int
    helpers_rss_bytes: int  # maximum of all together; shared pages count for each


class Run(NamedTuple):
    """One finished training."""

    step_s: float  # from nnU-Net's own log, first epoch left out
    training_cpu_s: float  # of the whole tree
    wall_s: float
    foreign_cpus: float  # CPUs that other processes used meanwhile
    supervisor: Supervisor | None


class Look(NamedTuple):
    """The supervisor at one moment."""

    at_s: float
    cpu_s: float
    peak_rss_bytes: int
    helpers_rss_bytes: int


def train(brains: Prepared, settings: Settings, folder: Path, tape: Path | None) -> Run:
    """Train once in ``folder``; recorded if a tape is given. No process is left behind, even on an error.

    Raises:  RuntimeError if the training fails.
    """
    folder.mkdir()
    usage = folder / "usage.json"
    length = ("--epochs", str(settings.epochs), "--iterations", str(settings.iterations), "--no-validation")
    command = [sys.executable, "-I", "-S", str(LAUNCHER), str(usage), str(settings.companions)]
    command += brains.command(*length)
    if tape is not None:
        command = [sys.executable, "-m", "holter", "run", "--quiet", "--tape", str(tape), "--", *command]
    variables = {**os.environ, **brains.environment(), "nnUNet_results": str(folder)}
    output = folder / "output.txt"
    began_s, busy_s = time.monotonic(), _busy_s()
    with output.open("wb") as sink:
        child = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all its processes can be ended together
        )
    try:
        looks, status, cpu_s = _follow(child.pid, supervised=tape is not None)
    except BaseException:
        _end(child)
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    wall_s, busy_s = time.monotonic() - began_s, _busy_s() - busy_s
    if child.returncode:
        raise RuntimeError(f"exit code {child.returncode}: {output.read_text(errors='replace')[-2000:]}")
    usage_report = json.loads(usage.read_text())
    return Run(
        step_s=statistics.median(_epoch_times_s(folder)[1:]) / settings.iterations,
        training_cpu_s=usage_report["training_cpu_s"],
        wall_s=wall_s,
        foreign_cpus=(busy_s - cpu_s) / wall_s,
        supervisor=None if tape is None else _summary(looks, cpu_s - usage_report["all_cpu_s"]),
    )


def _follow(pid: int, *, supervised: bool) -> tuple[list[Look], int, float]:
    # Sample the supervisor until it ends; also return its exit status, and the CPU seconds of its reaped children.
    began_s = time.monotonic()
    looks: list[Look] = []
    while True:
        ended, status, used = os.wait4(pid, os.WNOHANG)
        if ended:
            return looks, status, used.ru_utime + used.ru_stime
        look = _look(pid, time.monotonic() - began_s) if supervised else None
        if look is not None:
            looks.append(look)
        time.sleep(POLL_EVERY_S)


def _look(pid: int, at_s: float) -> Look | None:
    # None before the training exists and after it has ended: its CPU time would count as the supervisor's.
    try:
        supervisor = psutil.Process(pid)
        cpu_s = sum(supervisor.cpu_times()[:4])  # own, and of helpers that have ended
        children = supervisor.children()
        trainings = [child for child in children if str(LAUNCHER) in _command(child)]
        if not trainings or trainings[0].status() == psutil.STATUS_ZOMBIE:
            return None
        helpers = [_cpu_and_rss(child) for child in children if child not in trainings]
        cpu_s += sum(helper_cpu_s for helper_cpu_s, _ in helpers)
        helpers_rss = sum(rss for _, rss in helpers)
        status = Path(f"/proc/{pid}/status").read_text()
    except (psutil.Error, OSError):
        return None
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return Look(at_s, cpu_s, int(peak[1]) * 1024 if peak else 0, helpers_rss)


def _command(process: psutil.Process) -> list[str]:
    try:
        arguments: list[str] = process.cmdline()
    except psutil.Error:  # ended, and not reaped yet
        return []
    return arguments


def _cpu_and_rss(helper: psutil.Process) -> tuple[float, int]:
    try:
        return sum(helper.cpu_times()[:4]), helper.memory_info().rss
    except psutil.NoSuchProcess:  # reaped between two samples: the next sample counts it with its parent
        return 0.0, 0


def _busy_s() -> float:
    # CPU seconds that all processes of the machine have used.
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _summary(looks: list[Look], all_cpu_s: float) -> Supervisor:
    steady = [look for look in looks if look.at_s >= STEADY_AFTER_S]
    ratio = None
    if len(steady) > 1:
        ratio = (steady[-1].cpu_s - steady[0].cpu_s) / (steady[-1].at_s - steady[0].at_s)
    return Supervisor(
        steady_ratio=ratio,
        all_cpu_s=all_cpu_s,
        peak_rss_bytes=max((look.peak_rss_bytes for look in looks), default=0),
        helpers_rss_bytes=max((look.helpers_rss_bytes for look in looks), default=0),
    )


def _epoch_times_s(results: Path) -> list[float]:
    (log,) = results.glob("Dataset*/*/fold_0/training_log_*.txt")
    return [float(seconds) for seconds in EPOCH_TIME.findall(log.read_text())]


def _end(child: subprocess.Popen[bytes]) -> None:
    # Ask all started processes to end; after a while, kill them.
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(END_WAIT_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    try:
        os.killpg(child.pid, signal.SIGKILL)  # workers without parents
    except ProcessLookupError:
        return
