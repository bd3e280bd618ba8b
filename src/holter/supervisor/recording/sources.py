"""All probes of one run, each read when it is due; their cost and failures are recorded too."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

from holter.probes import Probe
from holter.probes.gpu.gpu import GpuProbe
from holter.probes.machine.cgroup import CgroupProbe
from holter.probes.machine.host import HostProbe
from holter.probes.machine.kernel_log import KernelLogProbe
from holter.probes.process.process import ProcessProbe
from holter.probes.storage.storage import StorageProbe
from holter.probes.training.console import begun_files, console_files
from holter.probes.training.file_tail import Mark
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.probes.training.trainlog import TrainLogProbe
from holter.records import WORKERS, Event, ExceptionSeen, Noted, ProbeRun, ProcessEnded, ProcessSample, Sample
from holter.supervisor.recording.clock import RunClock

# A failed probe is read again after this time, so that a broken one costs little and does not fill the tape.
FAILED_EVERY_S = 10.0
# What the kernel has killed is counted here. Such an end is judged at once, and the last count may be from before it.
COUNT_KILLS = ("host", "cgroup", "kernel-log")


class Left(NamedTuple):
    """The processes of a training whose command has ended. PIDs."""

    mains: tuple[int, ...]
    orphans: tuple[int, ...]  # data and export workers that no living main process has started


def left_of(processes: Sequence[ProcessSample], forks: frozenset[int] = frozenset()) -> Left:
    """Return main processes and orphaned workers among these living processes.

    ``forks``: PIDs of copies of a process that has ended; they count whatever their role, such as workers of a rank.
    """
    mains = {process.pid for process in processes if process.role == "main"}
    parents = {process.pid: process.ppid for process in processes}

    def is_orphan(pid: int | None) -> bool:
        seen: set[int] = set()
        while pid in parents and pid not in seen:  # a parent outside of the training is none of ours
            if pid in mains:
                return False
            seen.add(pid)
            pid = parents[pid]
        return True

    orphans = (
        process.pid
        for process in processes
        if process.pid not in mains and (process.role in WORKERS or process.pid in forks) and is_orphan(process.pid)
    )
    return Left(tuple(sorted(mains)), tuple(orphans))


class Sources:
    """The probes of one training, found from its root process."""

    def __init__(
        self,
        root_pid: int,
        clock: RunClock,
        scratch: Path,
        variables: Mapping[str, str],
        not_before_wall: float,
        marks: tuple[Mark, ...] = (),
        *,
        attached: bool = False,
    ) -> None:
        """``not_before_wall``: older logs belong to other runs. ``marks``: consoles at the start of the run."""
        self._attached = attached
        self.living: frozenset[int] = frozenset()
        self._clock = clock
        self.heartbeat = HeartbeatProbe(scratch, clock.zero_mono_s)
        self.process = ProcessProbe(root_pid, clock_zero_boot_s=clock.zero_boot_s)
        self.trainlog = TrainLogProbe(
            wall_zero=clock.zero_wall_s,
            console=console_files(root_pid),
            marks=marks,
            not_before_wall=not_before_wall,
        )
        self._console_pid = root_pid
        self._paths = _storage_paths(variables)
        self.output_folder: Path | None = None  # of the fold, when known
        self.gpu = GpuProbe(ours=lambda: self.living, environment=variables)
        self._probes: dict[str, Probe] = {
            "heartbeat": self.heartbeat,  # first: it gives the process probe the roles
            "process": self.process,
            "host": HostProbe(
                shm_pid=lambda: self.process.main_pid, ours=lambda: self.living, clock_zero_boot_s=clock.zero_boot_s
            ),
            "cgroup": CgroupProbe(root_pid),
            "trainlog": self.trainlog,
            "gpu": self.gpu,
            "storage": StorageProbe(self._paths),
            "kernel-log": KernelLogProbe(),
        }
        self._due_s = dict.fromkeys(self._probes, 0.0)
        self._failing: set[str] = set()
        self._late: list[Event] = []  # events read between two ticks

    def watch_path(self, label: str, path: Path) -> None:
        """Measure the storage of ``path`` from now on, in place of the earlier path with this label."""
        if label == "results":
            self.output_folder = path
        if self._paths.get(label) != path:
            self._paths[label] = path
            self._probes["storage"].close()
            self._probes["storage"] = StorageProbe(self._paths)
            self._due_s["storage"] = 0.0

    def read(self, t_s: float, *, has_ended: bool = False) -> tuple[list[Sample], list[Event], list[ProbeRun]]:
        """Read every probe that is due; return samples, events, and one ProbeRun per probe.

        ``has_ended``: a process of the training has ended since the last reading.
        """
        samples: list[Sample] = []
        events, self._late = self._late, []
        self._follow_console()
        runs: list[ProbeRun] = []
        for name, probe in self._probes.items():
            has_ended = has_ended or any(isinstance(event, ProcessEnded) for event in events)
            if t_s < self._due_s[name] - TICK_SLACK_S and not (has_ended and name in COUNT_KILLS):
                continue
            began = time.thread_time()
            error = None
            try:
                if probe is self.process:
                    # A process that has not reported its role yet must not hide what is seen from outside.
                    hints = self.heartbeat.hints().items()
                    self.process.hints = {pid: hint for pid, hint in hints if hint[0] != "other"}
                    self.process.before_training = self.heartbeat.before_training()
                reading = probe.read(t_s)
                samples += reading.samples
                events += [event for event in reading.events if not self._is_of_a_helper(event)]
                self.process.read_closely(event.pid for event in reading.events if isinstance(event, ExceptionSeen))
                self._due_s[name] = t_s + probe.interval_s
            except Exception as problem:  # noqa: BLE001 - the recording goes on after any error of a probe
                error = f"{type(problem).__name__}: {problem}"
                self._due_s[name] = t_s + FAILED_EVERY_S
            cost_s = time.thread_time() - began
            runs.append(ProbeRun(t_s=t_s, probe=name, ok=error is None, cost_s=cost_s, error=error))
            events += self._note_change(name, error, t_s)
        processes = tuple(sample for sample in samples if isinstance(sample, ProcessSample))
        if processes or any(run.probe == self.process.name and run.ok for run in runs):
            self.living = frozenset(process.pid for process in processes)
        return samples, events, runs

    def _is_of_a_helper(self, event: Event) -> bool:
        # The exception of a Python program that the training only calls: it says nothing about the training.
        if not isinstance(event, ExceptionSeen) or event.pid not in self.heartbeat.asleep:
            return False
        return event.pid not in (self.process.main_pid, self.process.root_pid)

    def _follow_console(self) -> None:
        # A script may redirect the output of the training itself.
        main_pid = self.process.main_pid
        if main_pid is not None and main_pid != self._console_pid:
            self._console_pid = main_pid
            of_run = () if self._attached else begun_files(main_pid, self._clock.zero_wall_s)
            self.trainlog.follow_console(*console_files(main_pid), of_run=of_run)

    def follow(self, root_pid: int) -> None:
        """Continue with another root process of the same run, after a restart."""
        for name, probe in (
            ("process", ProcessProbe(root_pid, clock_zero_boot_s=self._clock.zero_boot_s)),
            ("cgroup", CgroupProbe(root_pid)),
        ):
            self._probes[name].close()
            self._probes[name] = probe
        self.process = cast("ProcessProbe", self._probes["process"])
        self.living = frozenset()
        self._due_s = dict.fromkeys(self._probes, 0.0)

    def hurry(self) -> None:
        """Read slow facts (licence text, storage, cgroup) at once, after an alarm."""
        self.gpu.hurry()
        self._due_s = dict.fromkeys(self._probes, 0.0)

    def main_ending(self, t_s: float) -> ProcessEnded | None:
        """Return how the main process has ended; None while it lives, or if there is none."""
        self._read_processes(t_s)
        return self.process.main_endings.get(self.process.main_pid or 0)

    def find_left(self, t_s: float, *, is_good: bool = False) -> Left:
        """Return what of the training exists now: its main processes, and workers without one; reads them at once.

        ``is_good``: the training has ended as planned. Then only those count that have reported themselves as workers:
        another process that it has forked is its own affair, such as an upload.
        """
        samples = self._read_processes(t_s)
        left = left_of([sample for sample in samples if sample.state != "Z"], self.process.left_forks())
        if not is_good:
            return left
        reported = self.heartbeat.hints()
        return left._replace(orphans=tuple(pid for pid in left.orphans if pid in reported))

    def _read_processes(self, t_s: float) -> list[ProcessSample]:
        seen = self.process.read(t_s)
        self._late += seen.events
        return [sample for sample in seen.samples if isinstance(sample, ProcessSample)]

    def read_final_events(self, t_s: float) -> tuple[Event, ...]:
        """Read the training's events and log at once; the next tick has these events too."""
        events: list[Event] = []
        for probe in (self.heartbeat, self.trainlog):
            with suppress(Exception):
                events += [event for event in probe.read(t_s).events if not self._is_of_a_helper(event)]
        self._late += events
        return tuple(events)

    def close(self) -> None:
        for probe in self._probes.values():
            try:
                probe.close()
            except Exception:  # noqa: BLE001 - the others must still be closed
                continue

    def _note_change(self, name: str, error: str | None, t_s: float) -> list[Event]:
        if error is not None and name not in self._failing:
            self._failing.add(name)
            return [Noted(t_s=t_s, what="probe-failed", text=f"{name}: {error}")]
        if error is None and name in self._failing:
            self._failing.discard(name)
            return [Noted(t_s=t_s, what="probe-works-again", text=name)]
        return []


def _storage_paths(variables: Mapping[str, str]) -> dict[str, Path]:
    paths = {"tmp": Path(variables.get("TMPDIR") or "/tmp")}
    for label, name in (("preprocessed", "nnUNet_preprocessed"), ("results", "nnUNet_results")):
        if variables.get(name):
            paths[label] = Path(variables[name])
    return paths


# The distance of two ticks varies around a second; a probe that is due now must not wait for the next tick.
TICK_SLACK_S = 0.3
