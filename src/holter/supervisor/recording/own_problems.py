"""Report problems of the recording itself: a part that fails, a tape that cannot be written, what is left of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from holter.evidence.scope import JOBS
from holter.linux.place import is_in_container
from holter.records import Message, Noted, Text
from holter.sentences import define
from holter.supervisor.recording.listener import Listener
from holter.supervisor.recording.registrar import Registrar
from holter.tape import TapeWriter
from holter.tape.remote_writer import RemoteWriter

PART_FAILED = define("recorder.part-failed", "a part of the recording failed ({error}); the training is not affected")
NO_TAPE = define("recorder.no-tape", "the tape cannot be written ({problem}); the training is not affected")
TAPE_AGAIN = define("recorder.tape-again", "the tape can be written again")
ROWS_LOST = define("note.rows-lost", "{count} rows lost", one="{count} row lost")
# The first process of a container (or of another PID namespace): with it the kernel ends all others.
FIRST_PID = 1
# It then waits for the disk this much longer. A container that is asked to stop is killed after ten to thirty seconds.
WAITS_S = 30.0

LEFT = define(
    "recorder.tape-left",
    "the disk of the tape does not answer; process {pid} writes the rest of the tape when it answers again",
)
LEFT_FOR_NOW = define(
    "recorder.tape-left-for-now",
    "the disk of the tape does not answer; process {pid} writes the rest of the tape if it answers before the job or "
    "container ends, because that ends all of its processes",
)
WAITS = define(
    "recorder.tape-waits",
    "the disk of the tape does not answer; Holter waits for it for up to {within:duration}, because nothing can be "
    "written after that: all processes of this container end with Holter, its first one",
)
CUT = define(
    "recorder.tape-cut", "the disk of the tape has not answered; the last {age:duration} of the recording are lost"
)
WRITTEN = define("recorder.tape-written", "the disk of the tape has answered, and the tape is complete")


class OwnProblems:
    """Reports each problem once; the training is never affected."""

    def __init__(self, writer: TapeWriter | RemoteWriter, listener: Listener, registrar: Registrar | None) -> None:
        self._writer, self._listener, self._registrar = writer, listener, registrar
        self._said_unlisted: list[Message] = []
        self._said_problem: Text | None = None
        self._said_failure: str | None = None

    def failed(self, error: Exception, t_s: float) -> None:
        """Report an error within a tick, and write it to the tape; not again while it stays the same."""
        note = Noted(t_s=t_s, what="recorder-failed", text=f"{type(error).__name__}: {error}")
        if note.text != self._said_failure:
            self._said_failure = note.text
            self._listener.note(PART_FAILED(error=note.text))
            self._writer.write_events([note])

    def see(self, t_s: float) -> tuple[Noted, ...]:
        """Report what has changed; return what the tape has to say of it."""
        unlisted = self._registrar.problem if self._registrar is not None else None
        if unlisted is not None and unlisted not in self._said_unlisted:
            self._said_unlisted.append(unlisted)
            self._listener.note(unlisted)
        problem = self._writer.problem
        if problem == self._said_problem:
            return ()
        self._said_problem = problem
        if problem is not None:
            self._listener.note(NO_TAPE(problem=problem))
            return ()
        self._listener.note(TAPE_AGAIN())
        if not self._writer.lost_rows:
            return ()
        return (Noted(t_s=t_s, what="tape-gap", message=ROWS_LOST(count=self._writer.lost_rows)),)


def say_what_is_left(
    writer: RemoteWriter, say: Callable[[Message], None], environ: Mapping[str, str] | None = None
) -> None:
    """Report what becomes of what a closed writer has not written; wait for it, if it would be lost at once."""
    pid = writer.waiting_pid
    if pid is None:
        return
    if os.getpid() == FIRST_PID:
        say(WAITS(within=WAITS_S))
        say(WRITTEN() if writer.wait(WAITS_S) else CUT(age=writer.unwritten_s))
    elif is_in_container() or not set(JOBS).isdisjoint(os.environ if environ is None else environ):
        say(LEFT_FOR_NOW(pid=pid))
    else:
        say(LEFT(pid=pid))
