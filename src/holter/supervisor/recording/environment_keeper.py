"""Read the environment of the run, again and again until the trainer has reported its folders; then watch these."""

from __future__ import annotations

import contextlib
import datetime
import shlex
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from holter.probes.machine.environment import capture
from holter.records import Environment
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.sources import Sources
from holter.texts.resume_command import Resume

# The environment is complete when the trainer exists and its log folder is known; it is read again until then.
RECAPTURE_EVERY_S = 10.0
# Facts that the trainer reports, with their types.
REPORTED_BY_TRAINER = {
    "output_folder": str,
    "preprocessed_folder": str,
    "device": str,
    "num_epochs": int,
    "num_cases": int,
}


class EnvironmentKeeper:
    """Keeps the environment of one training up to date."""

    def __init__(
        self,
        *,
        command: tuple[str, ...],
        attached: bool,
        variables: Mapping[str, str],
        clock: RunClock,
        scratch: Path,
        sources: Sources,
        resume: Resume,
    ) -> None:
        """``resume``: how the training continues, and in which folder it was started."""
        self._command, self._attached, self._variables = command, attached, dict(variables)
        self._clock, self._scratch, self._sources = clock, scratch, sources
        given = shlex.join(resume.command) if resume.is_given and resume.command else None
        self._terms = {"working_folder": resume.folder, "resume_command": given}
        self._read_s = 0.0
        self._is_complete = False
        self.was_complete = False  # at least once
        wall = datetime.datetime.fromtimestamp(clock.zero_wall_s, datetime.timezone.utc)
        first = Environment(wall_start=wall.isoformat(), command=command, attached=attached)
        self.environment = msgspec.structs.replace(first, **self._terms)
        self._reader = EnvironmentReader(self._describe)

    @property
    def newest(self) -> Environment:
        """The environment, with what the trainer has reported since its last reading."""
        return _with_info(self.environment, self._sources.heartbeat.main_info())

    def follow(self, root_pid: int) -> None:
        """Start to read the environment of this process: the first one of the run, or one that replaces another."""
        self._is_complete = False
        self._read_s = self._clock.t_s()
        self._reader.start(root_pid)

    def see(self, t_s: float, root_pid: int) -> Environment | None:
        """Return the environment of the run if it has changed since the last call, else None; never waits.

        ``root_pid``: the process to read it from while the main process is not known.
        """
        changed = None
        info = self._sources.heartbeat.main_info()
        described = self._reader.take()
        if described is not None:
            environment = _with_info(msgspec.structs.replace(described, hooked=bool(info), **self._terms), info)
            if environment != self.environment:
                self.environment = changed = environment
            self._follow_folders(environment)
            known = environment.output_folder is not None and (bool(info) or self._attached)
            self._is_complete = known and t_s > 2 * RECAPTURE_EVERY_S
            self.was_complete = self.was_complete or self._is_complete
        if not self._is_complete and t_s - self._read_s >= RECAPTURE_EVERY_S:
            self._read_s = t_s
            self._reader.start(self._sources.process.main_pid or root_pid)
        return changed

    def _describe(self, pid: int) -> Environment:
        return capture(
            self._command,
            pid,
            self._attached,
            environ=self._variables,
            wall_start=self._clock.zero_wall_s,
            scratch=self._scratch,
        )

    def _follow_folders(self, environment: Environment) -> None:
        if environment.output_folder:
            self._sources.trainlog.follow(Path(environment.output_folder))
            self._sources.watch_path("results", Path(environment.output_folder))
        if environment.preprocessed_folder:
            self._sources.watch_path("preprocessed", Path(environment.preprocessed_folder))


def _with_info(environment: Environment, info: Mapping[str, object]) -> Environment:
    # The trainer's own report is more reliable than its command line.
    reported = {
        name: info[name] for name in REPORTED_BY_TRAINER if isinstance(info.get(name), REPORTED_BY_TRAINER[name])
    }
    return msgspec.structs.replace(environment, **reported) if reported else environment


class EnvironmentReader:
    """Reads one environment at a time in a daemon thread; a read that never returns stops only this thread."""

    def __init__(self, describe: Callable[[int], Environment]) -> None:
        self._describe = describe
        self._thread: threading.Thread | None = None
        self._result: Environment | None = None

    def start(self, pid: int) -> None:
        """Start a reading, unless the last one still runs."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, args=(pid,), name="survey", daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads for this user: it is tried again
                self._thread.start()

    def take(self) -> Environment | None:
        """Return the environment read since the last call, or None; does not wait."""
        result, self._result = self._result, None
        return result

    def _run(self, pid: int) -> None:
        try:
            self._result = self._describe(pid)
        except OSError:
            return  # the process ended meanwhile, and its files in /proc are gone
