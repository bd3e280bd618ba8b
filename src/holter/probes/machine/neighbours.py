"""Other processes on the machine: their CPU use, and other nnU-Net trainings among them.

For each process only ``/proc/PID/stat`` is read, and its command line once. More cannot be read of a process of
another user, and nothing of a process in another PID namespace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from holter.linux.procfs import list_numbers, read_text
from holter.probes.machine.environment import process_environ
from holter.probes.process.process_files import PF_FORKNOEXEC, Stat, parse_cmdline, parse_stat
from holter.probes.process.process_roles import is_python
from holter.records import OtherTraining
from holter.texts.training_command import TrainingCommand, parse_training_command

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
POLL_EVERY_S = 10.0
# A machine with thousands of processes is read less often, so that reading costs at most this share of a core.
_COST_RATIO = 0.002
# Enough to identify the cause; a longer list is of no use.
_NAMED = 3
_BUSY_CORES = 0.1
# A worker that waits at a queue polls it with up to 8 % of a core; a training uses most of one.
IDLE_RATIO = 0.1

_Key = tuple[int, int]  # PID and start time: a PID alone is reused


class Neighbours(NamedTuple):
    """What processes outside of this training did since the last read."""

    cpu_cores: float | None
    busiest: tuple[str, ...]
    trainings: tuple[OtherTraining, ...]


class _Training(NamedTuple):
    command: TrainingCommand
    cmdline: tuple[str, ...]


class NeighbourReader:
    """Reads ``/proc`` every ten seconds; in between its result is None."""

    def __init__(self, ours: Callable[[], Collection[int]], clock_zero_boot_s: float, proc: Path) -> None:
        """``ours``: PIDs of the training's tree."""
        self._ours, self._zero_s, self._proc = ours, clock_zero_boot_s, proc
        self._due_s = float("-inf")
        self._looked_s: float | None = None
        self._span_s: float | None = None
        self._ticks: dict[_Key, int] = {}
        self._commands: dict[_Key, _Training | None] = {}
        self._data: dict[_Key, str | None] = {}

    def read(self, t_s: float) -> Neighbours | None:
        """Return what other processes did since the last read; None if none is due or no process is ours yet."""
        ours = frozenset(self._ours())
        self._span_s = None if self._looked_s is None else t_s - self._looked_s
        if t_s < self._due_s or not ours:
            return None
        began = time.thread_time()
        stats = self._stats()
        own = ours | {os.getpid()} | {stat.pid for stat in stats.values() if stat.ppid in {*ours, os.getpid()}}
        strangers = {key: stat for key, stat in stats.items() if stat.pid not in own}
        trainings = self._trainings(strangers, {key: stat for key, stat in stats.items() if stat.pid in ours})
        neighbours = Neighbours(*self._use(strangers, t_s), trainings)
        self._due_s = t_s + max(POLL_EVERY_S, (time.thread_time() - began) / _COST_RATIO)
        self._looked_s = t_s
        self._ticks = {key: stat.cpu_ticks for key, stat in stats.items()}
        for memory in (self._commands, self._data):
            for key in memory.keys() - stats.keys():
                del memory[key]
        return neighbours

    def _stats(self) -> dict[_Key, Stat]:
        read = (parse_stat(read_text(f"{self._proc}/{pid}/stat")) for pid in list_numbers(self._proc) or ())
        return {(stat.pid, stat.started_ticks): stat for stat in read if stat is not None}

    def _use(self, strangers: Mapping[_Key, Stat], t_s: float) -> tuple[float | None, tuple[str, ...]]:
        # Cores used since the last read, and by which programs. A process that started since then counts from 0.
        span_s = t_s - self._looked_s if self._looked_s is not None else 0.0
        if span_s <= 0:
            return None, ()
        cores: dict[str, float] = {}
        for key, stat in strangers.items():
            used = (stat.cpu_ticks - self._ticks.get(key, 0)) / _TICKS_PER_S / span_s
            cores[stat.name] = cores.get(stat.name, 0.0) + used
        named = sorted(cores, key=lambda name: -cores[name])[:_NAMED]
        return sum(cores.values()), tuple(f"{name} {cores[name]:.1f}" for name in named if cores[name] >= _BUSY_CORES)

    def _trainings(self, strangers: Mapping[_Key, Stat], ours: Mapping[_Key, Stat]) -> tuple[OtherTraining, ...]:
        known = {key: training for key in strangers if (training := self._training(key)) is not None}
        by_pid = {key[0]: training for key, training in known.items()}
        parents = {strangers[key].ppid: training.cmdline for key, training in known.items()}
        own = next(((key, candidate) for key in sorted(ours) if (candidate := self._training(key)) is not None), None)
        others = []
        for key, training in known.items():
            if (
                strangers[key].flags & PF_FORKNOEXEC
                and strangers[key].ppid not in by_pid
                and self._is_idle(strangers[key])
            ):
                continue  # a worker that a dead training left
            above = by_pid.get(strangers[key].ppid)
            below = parents.get(key[0], training.cmdline)
            # A worker has the command line of its parent; a wrapper (holter run) only repeats that of its child.
            if (above is None or above.cmdline != training.cmdline) and below == training.cmdline:
                same = self._same_data(own, key, training)
                fold = same if same is not True or own is None else _same_fold(own[1].command, training.command)
                started_s = strangers[key].started_ticks / _TICKS_PER_S - self._zero_s
                others.append(OtherTraining(pid=key[0], started_s=started_s, same_data=same, same_fold=fold))
        return tuple(sorted(others, key=lambda other: other.pid))

    def _is_idle(self, stat: Stat) -> bool:
        before = self._ticks.get((stat.pid, stat.started_ticks))
        span_ticks = 0.0 if self._span_s is None else self._span_s * _TICKS_PER_S
        return before is not None and stat.cpu_ticks - before <= IDLE_RATIO * span_ticks

    def _training(self, key: _Key) -> _Training | None:
        if key not in self._commands:
            cmdline = parse_cmdline(read_text(f"{self._proc}/{key[0]}/cmdline"))
            command = parse_training_command(cmdline) if is_python(cmdline) else None
            self._commands[key] = _Training(command, cmdline) if command is not None else None
        return self._commands[key]

    def _same_data(self, own: tuple[_Key, _Training] | None, key: _Key, other: _Training) -> bool | None:
        if own is None:
            return None
        if _number(own[1].command) != _number(other.command):
            return False
        folders = [self._preprocessed(process) for process in (own[0], key)]
        return None if None in folders else folders[0] == folders[1]

    def _preprocessed(self, key: _Key) -> str | None:
        if key not in self._data:
            folder = process_environ(key[0], self._proc).get("nnUNet_preprocessed")
            self._data[key] = folder.rstrip("/") if folder else None
        return self._data[key]


def _number(command: TrainingCommand) -> str:
    # ``4`` for ``4``, ``004`` and ``Dataset004_Hippocampus``.
    digits = command.dataset.removeprefix("Dataset").partition("_")[0]
    return str(int(digits)) if digits.isdecimal() else command.dataset


def _same_fold(own: TrainingCommand, other: TrainingCommand) -> bool:
    def place(each: TrainingCommand) -> tuple[str, ...]:
        return each.configuration, each.fold, each.trainer, each.plans

    return place(own) == place(other)
