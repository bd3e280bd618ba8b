"""Limits, clock and other trainings: small reads that cannot hang, each with its root as an argument."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from holter.doctor.records import Machine, Neighbour
from holter.linux.procfs import list_numbers, parse_counters, read_text
from holter.probes.machine.environment import process_command, process_environ
from holter.probes.process.process_files import PF_FORKNOEXEC, Stat, parse_stat
from holter.texts.training_command import parse_training_command

# A worker that waits at a queue polls it: up to 8 % of a core. A training uses most of one.
IDLE_FOR_S, IDLE_TICKS = 0.5, 5
_TIME_ERROR = 5  # adjtimex: the clock is not synchronised
_US_PER_S = 1e6


class _Timex(ctypes.Structure):
    """The beginning of the kernel's struct timex, with space for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def machine(environ: Mapping[str, str], proc: Path = Path("/proc")) -> Machine:
    """Return facts of the machine and this shell: clock, uptime, limits, and settings of Slurm and CUDA."""
    synchronised, error_s = _clock() if proc == Path("/proc") else (None, None)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    processes = resource.getrlimit(resource.RLIMIT_NPROC)
    uptime = (read_text(proc / "uptime") or "").split()
    return Machine(
        uptime_s=float(uptime[0]) if uptime else None,
        clock_synchronised=synchronised,
        clock_error_s=error_s,
        files_soft_limit=_limit(files[0]),
        files_hard_limit=_limit(files[1]),
        processes_soft_limit=_limit(processes[0]),
        user_tasks=_tasks_of_user(proc),
        visible_gpus=environ.get("CUDA_VISIBLE_DEVICES"),
        job_end_unix_s=_number(environ.get("SLURM_JOB_END_TIME")),
        taken_unix_s=time.time(),
    )


def neighbours(proc: Path = Path("/proc")) -> tuple[Neighbour, ...] | None:
    """Return other visible nnU-Net trainings, the topmost process of each, and workers that a dead one left.

    None if /proc cannot be listed.
    """
    pids = list_numbers(proc)
    if pids is None:
        return None
    found: dict[int, Neighbour] = {}
    parents: dict[int, int] = {}
    for pid in pids:
        training = parse_training_command(process_command(pid, proc))
        if training is None:
            continue
        variables = process_environ(pid, proc)
        parents[pid] = _status(proc, pid, "PPid") or 0
        found[pid] = Neighbour(
            pid=pid,
            dataset=training.dataset,
            configuration=training.configuration,
            fold=training.fold,
            user=_user(_status(proc, pid, "Uid")),
            trainer=training.trainer,
            plans=training.plans,
            results=variables.get("nnUNet_results"),
            preprocessed=variables.get("nnUNet_preprocessed"),
        )
    topmost = [neighbour for pid, neighbour in sorted(found.items()) if parents[pid] not in found]
    orphans = _orphans([neighbour.pid for neighbour in topmost], proc)
    return tuple(msgspec.structs.replace(process, is_orphan=process.pid in orphans) for process in topmost)


# A worker is a fork of its main process and has its command line. One without that parent that does nothing for a
# moment waits for a main process that is gone; a training that something forked would compute.
def _orphans(pids: Sequence[int], proc: Path) -> frozenset[int]:
    def read() -> dict[int, Stat]:
        stats = ((pid, parse_stat(read_text(proc / str(pid) / "stat"))) for pid in pids)
        return {pid: stat for pid, stat in stats if stat is not None and stat.flags & PF_FORKNOEXEC}

    before = read()
    if not before:
        return frozenset()
    time.sleep(IDLE_FOR_S)
    after = read()
    return frozenset(
        pid for pid, stat in after.items() if pid in before and stat.cpu_ticks - before[pid].cpu_ticks <= IDLE_TICKS
    )


def _clock() -> tuple[bool | None, float | None]:
    # Whether the clock is synchronised, and its maximum error; only reads, changes nothing.
    asked = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked))
    except (OSError, AttributeError):
        return None, None
    if state < 0:
        return None, None
    return state != _TIME_ERROR, asked.maxerror / _US_PER_S if state != _TIME_ERROR else None


def _tasks_of_user(proc: Path) -> int | None:
    # Threads of this user: RLIMIT_NPROC counts them.
    pids = list_numbers(proc)
    if pids is None:
        return None
    own_uid = os.getuid()
    return sum((_status(proc, pid, "Threads") or 0) for pid in pids if _status(proc, pid, "Uid") == own_uid)


def _status(proc: Path, pid: int, name: str) -> int | None:
    return parse_counters(read_text(proc / str(pid) / "status")).get(name)


def _user(uid: int | None) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else None
    except KeyError:
        return str(uid)


def _limit(value: int) -> int | None:
    return None if value == resource.RLIM_INFINITY else value


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
