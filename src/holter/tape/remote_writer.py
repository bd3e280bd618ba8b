"""A tape on a file server: a process of its own writes it, because access to the file may never return."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from holter.errors import HolterError
from holter.linux.disks import ANSWERS_WITHIN_S, is_readable, may_hang
from holter.linux.procfs import is_ending, read_text
from holter.records import Environment, Episode, Event, ProbeRun, Sample, StackDump, Text
from holter.sentences import define
from holter.tape.opening import cannot_write, new_file
from holter.tape.writer import TapeWriter

MODULE = "holter.tape.writing_process"
# Arguments of the process: it creates the file itself, because even that may never return.
NEW, FORCE, NUMBERED = "new", "force", "numbered"
# Python and its imports come from another disk than the tape, which may be slow (a shared environment). A start that
# takes longer says nothing about the disk of the tape.
STARTED_WITHIN_S = 60.0
# From then on: a file server that is only slow has answered by then.
OPENED_WITHIN_S = 10.0
SILENT_AFTER_S = 10.0
# At the end of a run nobody waits longer; the process goes on by itself.
FAREWELL_S = 10.0

# The process only receives: if it does not even do that, it is stopped or frozen.
RECEIVED_WITHIN_S = 2

NO_ANSWER = define("tape.no-answer", "its disk does not answer")
WRITER_ENDED = define("tape.writer-ended", "the process that writes it was killed or stopped")


def new_writer(path: Path, *, force: bool = False, numbered: bool = False) -> TapeWriter | RemoteWriter:
    """Create a tape, and return what writes it: a process of its own if its disk may hang.

    ``force``: an existing tape is replaced. ``numbered``: a number is added instead.

    Raises:  TapeExists, FolderNotWritable.
    """
    if may_hang(path):
        try:
            return RemoteWriter(path, force=force, numbered=numbered)
        except TimeoutError as error:  # it did not start, and nothing was asked of the disk
            if _exists(path.absolute().parent, OPENED_WITHIN_S) is None:
                raise cannot_write(path, NO_ANSWER()) from error
        except OSError:  # no more processes for this user, or it ended at once
            pass
    file, inode = new_file(path, force=force, numbered=numbered)
    return TapeWriter(file, made=inode)


def answers(path: Path) -> bool:
    """Return whether the disk of a path answers, whether the path exists or not; never waits longer."""
    return not may_hang(path) or _exists(path) is not None


def _exists(path: Path, within_s: float = ANSWERS_WITHIN_S) -> bool | None:
    # None: no answer, or nobody could be asked.
    try:
        return is_readable(path, within_s)
    except OSError:
        return None


class State(NamedTuple):
    """What the process reports."""

    done: int  # calls that it has carried out; the first report comes before it touches the disk
    problem: Text | None = None
    lost_rows: int = 0
    is_there: bool = False
    refusal: str | None = None  # why it cannot write this file
    path: Path | None = None  # the file that it has created
    error: HolterError | None = None  # why it cannot create it
    is_open: bool = False


class RemoteWriter:
    """Has the methods of ``TapeWriter``; none of them waits for the disk.

    What is written while the disk does not answer waits in the process, and is written when the disk answers again,
    even if that is after the end of the run.

    Raises:  TapeExists, FolderNotWritable from the constructor; OSError if no process can be started, or if it ends at
             once; TimeoutError if it is started and does not report.
    """

    def __init__(self, path: Path, *, force: bool = False, numbered: bool = False) -> None:
        """Create the tape; the arguments are those of ``new_writer``."""
        self.path = path
        self._state = silent = State(done=0)
        self._sent = self._unsent = 0
        self._progress_s = time.monotonic()  # when there was nothing to wait for, or some of it was done
        self._is_closed = False
        self._has_ended = False  # the process, or it is stopped
        options = [*([FORCE] if force else []), *([NUMBERED] if numbered else [])]
        ours, self._process = start_module(MODULE, [str(path.absolute()), NEW, *options], os.environ)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", RECEIVED_WITHIN_S, 0))
        self._line = Connection(ours.detach())
        self._await(STARTED_WITHIN_S, lambda: self._has_ended or self._state is not silent)
        if self._state is silent and not self._has_ended:
            self._line.close()
            self._process.kill()
            raise TimeoutError(path)
        self._await(OPENED_WITHIN_S, self._is_decided)
        if self._state.path is not None:
            self.path = path.with_name(self._state.path.name)
        if self._state.error is not None:
            self.close(0.0)
            raise self._state.error
        if self._state.refusal is not None:
            self.close(0.0)
            raise cannot_write(path, self._state.refusal)
        if self._has_ended and self._state.path is None:  # it lacks memory, threads, or Holter itself (PYTHONPATH)
            self.close(0.0)
            raise ChildProcessError(path)
        if self._state.path is None:  # the process notices that nobody waits, and removes what it may still create
            self._line.close()
            raise cannot_write(path, NO_ANSWER())

    def _await(self, within_s: float, is_over: Callable[[], bool]) -> None:
        until_s = time.monotonic() + within_s
        while not is_over() and self._line.poll(max(0.0, until_s - time.monotonic())):
            self._learn()

    def _is_decided(self) -> bool:
        return self._has_ended or self._state.is_open or bool(self._state.error or self._state.refusal)

    @property
    def problem(self) -> Text | None:
        """Why the tape cannot be written at present; None: it can."""
        self._learn()
        if self._has_ended:
            return self._state.refusal or WRITER_ENDED()
        return NO_ANSWER() if self._is_silent() else self._state.problem

    @property
    def lost_rows(self) -> int:
        """Rows that are missing on the tape."""
        return self._state.lost_rows + self._unsent

    @property
    def is_there(self) -> bool:
        """Whether the tape exists and its disk answers."""
        self._learn()
        if self._is_finished:
            return True
        if self._has_ended:  # what it reported last may be long ago
            return bool(_exists(self.path))
        return self._state.is_there and not self._is_silent() and self.waiting_pid is None

    @property
    def _is_finished(self) -> bool:
        return self._is_closed and self._process.returncode == 0

    @property
    def waiting_pid(self) -> int | None:
        """After ``close``: the process that still waits for the disk; None: everything is written."""
        is_waiting = self._is_closed and not self._has_ended and self._process.returncode is None
        return self._process.pid if is_waiting else None

    @property
    def unwritten_s(self) -> float:
        """Seconds for which nothing was written although something waits."""
        return time.monotonic() - self._progress_s

    def wait(self, within_s: float) -> bool:
        """After ``close``: wait for the process; return whether it has written everything."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        return self._process.returncode == 0

    def write_environment(self, environment: Environment) -> None:
        """Write (or replace) the description of machine, versions and settings."""
        self._send("write_environment", environment)

    def write_samples(self, t_s: float, samples: Iterable[Sample]) -> None:
        """Write the samples of ``t_s``. Times must not go back."""
        self._send("write_samples", t_s, tuple(samples))

    def write_events(self, events: Iterable[Event]) -> None:
        """Write events at once."""
        kept = tuple(events)
        if kept:
            self._send("write_events", kept)

    def write_stacks(self, dumps: Iterable[StackDump]) -> None:
        """Write stack dumps."""
        self._send("write_stacks", tuple(dumps))

    def write_episode(self, number: int, episode: Episode) -> None:
        """Write an episode; if one with this number was written before, replace it."""
        self._send("write_episode", number, episode)

    def write_probe_run(self, run: ProbeRun) -> None:
        """Record one read of a probe."""
        self._send("write_probe_run", run)

    def pulse(self, t_s: float) -> None:
        """End a tick."""
        self._send("pulse", t_s)

    def close(self, t_s: float) -> None:
        """Finish the tape; wait a moment for its disk, and leave the rest to the process."""
        if self._line.closed:
            return
        self._send("close", t_s)
        if self._has_ended:  # without this line it ends, if it still runs
            self._line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(RECEIVED_WITHIN_S if self._has_ended else FAREWELL_S)
        self._learn()
        self._is_closed = True
        self._line.close()

    def _send(self, method: str, *arguments: Any) -> None:
        self._learn()
        if self._has_ended:
            self._unsent += 1
            return
        try:
            self._line.send_bytes(pickle.dumps((method, arguments), pickle.HIGHEST_PROTOCOL))
            self._sent += 1
        except OSError:
            self._has_ended = True
            self._unsent += 1

    def _learn(self) -> None:
        # Read what the process has reported; never waits.
        try:
            while not self._line.closed and self._line.poll():
                self._state = pickle.loads(self._line.recv_bytes())
                self._progress_s = time.monotonic()
        except (EOFError, OSError):
            self._has_ended = True
        if self._state.done >= self._sent:
            self._progress_s = time.monotonic()
        elif not self._has_ended and self._process.returncode is None:
            # Killed while the disk hangs, it stays until the disk answers, and writes nothing any more.
            proc = f"/proc/{self._process.pid}"
            self._has_ended = is_ending(read_text(f"{proc}/stat"), read_text(f"{proc}/status"))

    def _is_silent(self) -> bool:
        return time.monotonic() - self._progress_s > SILENT_AFTER_S


def start_module(
    module: str, arguments: Iterable[str], environ: Mapping[str, str], options: Iterable[str] = ()
) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a module as a process with a socket as standard input; return our end of it, and the process.

    ``options``: of Python. In its own session: Ctrl-C is for the training. Away from the current folder, which may be
    on a dead disk.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, *options, "-m", module, *arguments],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**environ, "PYTHONSAFEPATH": "1"},
            start_new_session=True,
        )
    return ours, process
