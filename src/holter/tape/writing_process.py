"""The process that writes a tape on a file server; ``RemoteWriter`` starts it.

``python -m holter.tape.writing_process PATH new [force] [numbered]`` with a socket as standard input: it reports that
it has started, and creates the tape; or for ``PATH INODE`` it takes the file that is there. Then it receives pickled
calls of ``TapeWriter``'s methods, and sends a pickled ``State`` when none waits. If the socket ends without ``close``,
the recorder was killed: the tape then stays unfinished, as if this process had been killed too.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from holter.errors import FolderNotWritable, TapeExists
from holter.records import Text
from holter.tape.opening import new_file, remove_tape
from holter.tape.remote_writer import FORCE, NEW, NUMBERED, State
from holter.tape.writer import TapeWriter

# Beyond this, what comes every second is dropped: some hours of a training with twelve workers.
MOST_WAITING_BYTES = 64 << 20
DROPPED = ("write_samples", "write_probe_run", "pulse")
# While calls wait, a report after each would fill the socket: the recorder reads once a second, and not while it waits
# for the end.
REPORT_EVERY_S = 0.5
# A batch system sends these to every process of a job; the recorder decides when the tape ends.
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Calls:
    """The calls that wait. A thread receives them, so that the recorder never waits for this process."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._received = self._taken = 0  # bytes, each counted by one thread
        self.dropped = 0  # rows
        threading.Thread(target=self._receive, daemon=True).start()

    def are_done(self) -> bool:
        """Return whether none waits."""
        return self._waiting.empty()

    def take(self) -> bytes | None:
        """Return the oldest call; wait for one. None: the recorder has ended."""
        call = self._waiting.get()
        self._taken += len(call or b"")
        return call

    def _receive(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                call = self._line.recv_bytes()
                if self._received - self._taken > MOST_WAITING_BYTES:
                    method = pickle.loads(call)[0]
                    if method in DROPPED:
                        self.dropped += method == "write_samples"
                        continue
                self._received += len(call)
                self._waiting.put(call)
        self._waiting.put(None)


def main() -> None:
    """Write the tape until the recorder closes it or ends."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    line = Connection(sys.stdin.fileno())
    try:  # that it has started: from now on the recorder waits for the disk
        line.send_bytes(pickle.dumps(State(done=0)))
    except OSError:
        return
    created = _create(Path(sys.argv[1]), sys.argv[2:], line)
    if created is None:
        return
    path, inode = created
    calls = Calls(line)
    try:
        writer = TapeWriter(path, made=inode)
    except FolderNotWritable as error:
        line.send_bytes(pickle.dumps(State(done=0, refusal=str(error.__cause__ or error))))
        return
    done, method, failed, reported_s = 0, "", 0, -REPORT_EVERY_S
    failure: Text | None = None
    while True:
        if calls.are_done() or method == "close" or time.monotonic() - reported_s >= REPORT_EVERY_S:
            lost_rows = writer.lost_rows + calls.dropped + failed
            state = State(done, writer.problem or failure, lost_rows, writer.is_there, path=path, is_open=True)
            reported_s = time.monotonic()
            with contextlib.suppress(OSError):  # the recorder has ended, and what it sent is still written
                line.send_bytes(pickle.dumps(state))
        if method == "close":
            return
        call = calls.take()
        if call is None:
            writer.commit()
            os._exit(0)  # closing the database would make the tape look complete
        method, arguments = pickle.loads(call)
        failure = None
        try:
            getattr(writer, method)(*arguments)
        except Exception as error:  # noqa: BLE001 - one call that fails must not cost the rest of the tape
            failure = f"{type(error).__name__}: {error}"
            failed += 1
        done += 1


def _create(path: Path, options: list[str], line: Connection) -> tuple[Path, int] | None:
    # None: it cannot be created, or the recorder has ceased to wait for it.
    if options[0] != NEW:
        return path, int(options[0])
    try:
        made = new_file(path, force=FORCE in options, numbered=NUMBERED in options)
    except (TapeExists, FolderNotWritable) as error:
        with contextlib.suppress(OSError):
            line.send_bytes(pickle.dumps(State(done=0, error=error)))
        return None
    try:
        line.send_bytes(pickle.dumps(State(done=0, path=made[0])))
    except OSError:
        remove_tape(made[0])
        return None
    return made


if __name__ == "__main__":
    main()
