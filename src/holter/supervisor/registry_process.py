"""Write the entry of a run from a process of its own: a thread that waits for a dead file server cannot be ended.

``python -m holter.supervisor.registry_process [FILE]`` with a socket as standard input receives pickled entries, writes
each, and sends a pickled ``Answer``. It ends with the socket. ``FILE``: the file of an entry that exists already.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from holter.linux.disks import may_hang
from holter.records import Text
from holter.supervisor.registry_file import Answer, EntryWriter, NotWritten, NotYet, RegistryFile, reason
from holter.supervisor.state_folder import named_folders, state_folders
from holter.tape.registry import Entry
from holter.tape.remote_writer import NO_ANSWER, WRITER_ENDED, start_module
from holter.tape.writing_process import IGNORED

MODULE = "holter.supervisor.registry_process"
# From the start of the process on; after this time the registrar goes on, and the process waits.
ANSWERED_WITHIN_S = 20.0


def entry_writer(environ: Mapping[str, str]) -> EntryWriter:
    """Return what writes entries into the state folder of ``environ``. Accesses no folder."""
    if any(may_hang(folder) for folder in named_folders(environ)):
        return RemoteRegistryFile(environ)
    return RegistryFile(state_folders(environ))


class RemoteRegistryFile:
    """Has the process write. One that has not answered yet gets no other entry than the last one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._line: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._unanswered = 0
        self._file: Path | None = None  # a second process goes on with the file of the first
        # At each start Python looks for packages below the home (not with -s), whose disk may be dead. If Holter is one
        # of them, the process ends before its first answer, and the next one starts without -s.
        self._without_user_site = True
        self._has_answered = False

    def write(self, entry: Entry, *, is_last: bool = False) -> None:
        """Send the entry, and wait some seconds for the answer. A process that was killed is started once more.

        Raises:  NotWritten, OSError.
        """
        try:
            try:
                self._send(entry, is_last=is_last)
            except (EOFError, ConnectionError):
                self._forget_ended()
                self._send(entry, is_last=is_last)
        except (EOFError, ConnectionError) as error:
            self._forget_ended()
            raise NotYet(WRITER_ENDED()) from error
        finally:
            if is_last:
                self._forget()

    def _send(self, entry: Entry, *, is_last: bool) -> None:
        line = self._line = self._line or self._start()
        self._read_answers(line, 0.0)  # to older entries: their problems are past
        if self._unanswered and not is_last:
            raise NotYet(NO_ANSWER())
        line.send_bytes(pickle.dumps(entry, pickle.HIGHEST_PROTOCOL))
        self._unanswered += 1
        problem = self._read_answers(line, ANSWERED_WITHIN_S)
        if self._unanswered:
            raise NotYet(NO_ANSWER())
        if problem is not None:
            raise NotWritten(problem)

    def _read_answers(self, line: Connection, within_s: float) -> Text | None:
        # The problem of the newest entry that is answered.
        problem: Text | None = None
        until_s = time.monotonic() + within_s
        while self._unanswered and line.poll(max(0.0, until_s - time.monotonic())):
            answer: Answer = pickle.loads(line.recv_bytes())
            self._unanswered -= 1
            self._has_answered = True
            self._file, problem = answer.file, answer.problem
        return problem

    def _start(self) -> Connection:
        arguments = [] if self._file is None else [str(self._file)]
        options = ["-s"] if self._without_user_site else []
        ours, self._process = start_module(MODULE, arguments, self._environ, options)
        return Connection(ours.detach())

    def _forget_ended(self) -> None:
        self._without_user_site = self._without_user_site and self._has_answered
        self._forget()

    def _forget(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line, self._unanswered = None, 0
        if self._process is not None:
            self._process.poll()


def main() -> None:
    """Write entries until the registrar ends."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    line = Connection(sys.stdin.fileno())
    file = RegistryFile(state_folders(os.environ), Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    with contextlib.suppress(EOFError, OSError):
        while True:
            entry = pickle.loads(line.recv_bytes())
            line.send_bytes(pickle.dumps(Answer(_problem_of(file, entry), file.file)))


def _problem_of(file: RegistryFile, entry: Entry) -> Text | None:
    try:
        file.write(entry)
    except Exception as error:  # noqa: BLE001 - the registrar reports it
        return reason(error)
    return None


if __name__ == "__main__":
    main()
