"""What becomes of the rest of a tape whose disk does not answer at the end of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from holter.evidence.scope import JOBS
from holter.linux.place import is_in_container
from holter.records import Message
from holter.sentences import define
from holter.tape.remote_writer import RemoteWriter

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
