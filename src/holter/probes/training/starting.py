"""Find trainings on this machine that are still preparing data and that Holter did not start.

Only clear cases count: the process's settings are readable, it started in the last minutes, and its log has no epoch.
A training started by ``holter train`` is left out: it holds a lock while it prepares data.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePath
from typing import NamedTuple

from holter.linux.procfs import list_numbers, read_text
from holter.patterns import later
from holter.probes.machine.environment import process_environ
from holter.probes.process.process_files import Stat, parse_cmdline, parse_stat
from holter.probes.process.process_roles import is_python
from holter.probes.training.preprocessed import jobs_of
from holter.texts.results_folder import matching
from holter.texts.training_command import TrainingCommand, parse_training_command

# Splits are written and cases unpacked within minutes after the start; an older process is past that.
STARTS_WITHIN_S = 300.0
EPOCH = later(r"Epoch \d+ *$", re.MULTILINE)
# The file's time may have a coarser resolution than the process's start time.
SLACK_S = 2.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Starting(NamedTuple):
    """A training that has not reached its first epoch."""

    pid: int
    training: TrainingCommand
    age_s: float


class _Found(NamedTuple):
    stat: Stat
    cmdline: tuple[str, ...]
    training: TrainingCommand


def starting_trainings(folder: Path, job: str, proc: Path = Path("/proc")) -> tuple[Starting, ...]:
    """Return trainings that may do the same job (``Job.name``) in the same folder of a preprocessed data set.

    This process, its ancestors and its descendants are left out.
    """
    stats = [parse_stat(read_text(f"{proc}/{pid}/stat")) for pid in list_numbers(proc) or ()]
    known = {stat.pid: stat for stat in stats if stat is not None and stat.state not in "ZX"}
    words = {pid: tuple(parse_cmdline(read_text(f"{proc}/{pid}/cmdline"))) for pid in known}
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    starting = []
    own_line = _line_of(os.getpid(), known)
    for process in _trainings(known, words):
        if process.stat.pid in own_line or os.getpid() in _line_of(process.stat.pid, known):
            continue
        age_s = now_s - process.stat.started_ticks / _TICKS_PER_S
        if age_s <= STARTS_WITHIN_S and _makes(process, folder, job, age_s, proc):
            starting.append(Starting(process.stat.pid, process.training, age_s))
    return tuple(sorted(starting, key=lambda training: training.pid))


def _trainings(known: Mapping[int, Stat], words: Mapping[int, tuple[str, ...]]) -> list[_Found]:
    # The top process of each training: workers have their parent's command line, wrappers repeat their child's.
    processes = {
        pid: _Found(stat, words[pid], training)
        for pid, stat in known.items()
        if is_python(words[pid]) and (training := parse_training_command(words[pid])) is not None
    }
    wraps = {process.stat.ppid for process in processes.values() if words.get(process.stat.ppid) != process.cmdline}
    return [
        process
        for pid, process in processes.items()
        if pid not in wraps
        and words.get(process.stat.ppid) != process.cmdline
        and not any(is_holter_train(words[parent]) for parent in _line_of(pid, known))
    ]


def _line_of(pid: int, known: Mapping[int, Stat]) -> list[int]:
    # The process and its ancestors.
    line: list[int] = []
    while pid in known and pid not in line:
        line.append(pid)
        pid = known[pid].ppid
    return line


def is_holter_train(cmdline: Sequence[str]) -> bool:
    """Whether this is ``holter train …`` or ``python -m holter train …``."""
    return any(word == "train" and PurePath(before).name == "holter" for before, word in pairwise(cmdline))


def _makes(process: _Found, folder: Path, job: str, age_s: float, proc: Path) -> bool:
    if process.training.validation_only:
        return False
    environ = process_environ(process.stat.pid, proc)
    made = jobs_of(process.training, environ)
    results = process.training.fold_folder(environ)
    if made is None or results is None or job not in [task.name for task in made[1]] or not _is_same(made[0], folder):
        return False
    return not _has_epoch(results, time.time() - age_s)


def _is_same(first: Path, other: Path) -> bool:
    try:
        return first.samefile(other)
    except OSError:
        return False


def _has_epoch(results: Path, began_wall: float) -> bool:
    # True if a log written since then has an epoch, or may not be read.
    try:
        logs = [log for log in matching(results, "training_log_*.txt") if log.stat().st_mtime >= began_wall - SLACK_S]
        return any(EPOCH.search(log.read_text(encoding="utf-8", errors="replace")) for log in logs)
    except OSError:
        return True
