"""Run a command once, in a child, without waiting: its output is collected when it has ended.

A child that was killed for taking too long may be in a call that cannot be interrupted; ``Reaper`` keeps track of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from holter.records import Message, Text
from holter.sentences import define

# A driver without persistence mode may need 10 s to wake its GPUs, so a child is not killed at the deadline.
ABANDON_S = 15.0
FAREWELL_S = 0.2  # at the very end, wait this long for a killed child, to leave no zombie

COMMAND = define("child.command", "{name} {how}")
NOT_STARTED = define("child.not-started", "could not be started: {error}")
NOT_ENDED = define("child.not-ended", "did not end within {within:.0f} s")
CLOSED = define("child.closed", "closed its output")
ENDED = define("child.ended", "ended with status {status}")
KILLED = define("child.killed", "was killed by {signal}")


class Reaper:
    """Keeps killed children until they have died, and reaps them then, without waiting for them."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a child, and close this process's ends of its pipes."""
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if process.poll() is None:
            process.kill()
            self._processes.append(process)

    def still_there(self) -> int:
        """Return the number of children that have not died yet."""
        self._processes = [process for process in self._processes if process.poll() is None]
        return len(self._processes)

    def drain(self) -> None:
        """Wait until all have died, at most ``FAREWELL_S``; called at the end of a recording."""
        until = time.monotonic() + FAREWELL_S
        while self.still_there() and time.monotonic() < until:
            time.sleep(0.005)


class Outcome(NamedTuple):
    """How a command ended."""

    text: str = ""
    trouble: Message | None = None  # the command and how it failed; None: it ended with status 0
    is_late: bool = False  # it was killed at its deadline

    @property
    def how(self) -> Text:
        """Describe how the command failed; its name is not part of the sentence."""
        how = self.trouble.value("how") if self.trouble is not None else None
        return how if isinstance(how, (str, Message)) else ""


class BackgroundCommand:
    """A command that is run once; its output is available after it has ended."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        deadline_s: float = ABANDON_S,
        killed: Reaper | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = os.path.basename(command[0])  # noqa: PTH119 - a word of a command, not a path of ours
        self._deadline_s = deadline_s
        self._clock = clock
        self._began_s = clock()
        self._killed = Reaper() if killed is None else killed
        self._outcome: Outcome | None = None
        # A file, not a pipe: a writer blocks on a full pipe, and we read rarely.
        self._output = os.fdopen(os.memfd_create("holter-command"), "rb")
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=self._output.fileno(),
                stderr=subprocess.DEVNULL,
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            self._outcome = self._failed(NOT_STARTED(error=error.strerror or str(error)))

    def outcome(self) -> Outcome | None:
        """Return the outcome, or None while the command runs. A command past its deadline is killed, not waited for."""
        if self._outcome is None and self._process is not None:
            self._outcome = self._poll(self._process)
        return self._outcome

    def written(self) -> str:
        """Return the output so far."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode("utf-8", "replace")

    def close(self) -> None:
        """End the command if it still runs."""
        if self._outcome is None and self._process is not None:
            self._killed.add(self._process)
        self._output.close()

    def _poll(self, process: subprocess.Popen[bytes]) -> Outcome | None:
        code = process.poll()
        if code is None:
            waited_s = self._clock() - self._began_s
            if waited_s < self._deadline_s:
                return None
            self._killed.add(process)
            late = self._failed(NOT_ENDED(within=self._deadline_s), self.written())
            return late._replace(is_late=True)
        return Outcome(self.written()) if code == 0 else self._failed(ending(process), self.written())

    def _failed(self, how: Message, text: str = "") -> Outcome:
        return Outcome(text, COMMAND(name=self._name, how=how))


def ending(process: subprocess.Popen[bytes]) -> Message:
    """Describe how a child ended. Its pipe may close shortly before it ends, so wait up to 10 ms."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.01)
    code = process.returncode
    if code is None:
        return CLOSED()
    if code >= 0:
        return ENDED(status=code)
    with contextlib.suppress(ValueError):
        return KILLED(signal=signal.Signals(-code).name)
    return KILLED(signal=str(-code))
