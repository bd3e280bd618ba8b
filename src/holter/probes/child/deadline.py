"""Ask a child process, with a time limit for each answer.

A driver call or a ``statvfs`` on a dead mount may never return, and the calling process may not die even when
killed. So such calls are made in a child: ``ChildClient`` keeps one child that answers questions, and
``background_command.py`` runs a command once. There is no thread; nothing happens between calls.

The protocol: one line in, one line out. Before each call the child should write the name of the call into the page
behind the descriptor in ``HOLTER_DOING_FD`` (text, padded with zero bytes), so that a call that hangs has a name. It
should exit when its standard input is closed, even while a call hangs.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Literal, NamedTuple

from holter.probes.child.background_command import ABANDON_S, NOT_STARTED, Reaper, ending
from holter.records import Message
from holter.sentences import define

DOING_FD_VARIABLE = "HOLTER_DOING_FD"
DOING_BYTES = 64

DEADLINE_S = 5.0  # then the silence is reported; a healthy NVML or statvfs call takes milliseconds
# A driver that hung once mostly hangs again: retry soon at first, then so rarely that it costs next to nothing.
BACK_OFF_S = (5.0, 15.0, 60.0, 300.0)
# Children that do not die: each holds memory and maybe a lock of the driver, so no fourth one is started.
STUCK_MAX = 3
PATIENCE_S = 0.02  # the recorder ticks once a second for all probes together
READ_BYTES = 65536

GIVEN_UP = define("child.given-up", "was killed because it did not answer")


class Reply(NamedTuple):
    """State of a question, and the answer if there is one."""

    state: Literal["answered", "pending", "overdue", "resting"]
    text: bytes = b""  # the answer
    silent_s: float = 0.0  # since the oldest unanswered question
    doing: str = ""  # the call that the child reported last
    trouble: Message | None = None  # how the last child failed, if it was killed or ended
    stuck: int = 0  # killed children that have not died: they are in a call that cannot be interrupted


class Limits(NamedTuple):
    """For how long a child may be silent before it is killed, and how long to wait before the next one is started."""

    deadline_s: float = DEADLINE_S
    abandon_s: float = ABANDON_S
    back_off_s: tuple[float, ...] = BACK_OFF_S  # rest before each new child; the last one repeats


class ChildClient:
    """A child that answers one question at a time; replaced if it hangs or dies. ``ask`` blocks for ``patience_s``."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = list(command)
        self._environment = environment
        self._limits = limits
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._page: mmap.mmap | None = None
        self._killed = Reaper()
        self._received = bytearray()
        self._asked_s: float | None = None  # when the question was asked that this child has not answered
        self._silent_since_s: float | None = None  # the oldest unanswered question, over all children
        self._failures = 0
        self._rest_until_s = float("-inf")
        self._trouble: Message | None = None
        self._doing = ""

    @property
    def pid(self) -> int | None:
        """PID of the present child; None if there is none."""
        return None if self._process is None else self._process.pid

    @property
    def stuck(self) -> int:
        """Number of killed children that have not died yet: they are in a call that cannot be interrupted."""
        return self._killed.still_there()

    def ask(self, question: bytes, patience_s: float = PATIENCE_S) -> Reply:
        """Return the child's answer, or a ``Reply`` without one if none comes within ``patience_s``.

        A question is sent only if the last one has been answered. The next call returns an answer that came too late,
        unless its own question is answered in time: otherwise, after one slow call, every answer would belong to the
        question before.
        """
        stuck = self._killed.still_there()
        if self._process is None:
            if stuck >= STUCK_MAX or self._clock() < self._rest_until_s:
                return self._silence("resting")
            self._start()
        late = self._collect(0.0) if self._asked_s is not None else None
        if self._process is not None and self._asked_s is None:
            self._put(self._process, question)
        answer = self._collect(0.0 if self._overdue() else patience_s) or late
        if answer is None:
            return self._judge()
        if self._process is not None:
            self._failures, self._trouble = 0, None
            self._silent_since_s = self._asked_s
        return Reply("answered", text=answer)

    def close(self) -> None:
        self._let_go()
        self._killed.drain()

    def rest(self) -> None:
        """Stop a child that has just answered, without counting a failure; the next ``ask`` starts a new one.

        The child only waits for a question, so it ends at once. Its end is collected here, because the next ``ask``
        may be a minute away.
        """
        self._let_go()
        self._killed.drain()
        self._silent_since_s = None

    def _start(self) -> None:
        descriptor = os.memfd_create("holter-doing")
        os.truncate(descriptor, DOING_BYTES)
        self._page = mmap.mmap(descriptor, DOING_BYTES)
        environment = dict(os.environ if self._environment is None else self._environment)
        environment[DOING_FD_VARIABLE] = str(descriptor)
        try:
            # A session of its own: Ctrl-C in the terminal is meant for the training and the recorder.
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=(descriptor,),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            self._fail(NOT_STARTED(error=error.strerror or str(error)))
        else:
            os.set_blocking(_open(self._process.stdin).fileno(), False)
            os.set_blocking(_open(self._process.stdout).fileno(), False)
        finally:
            os.close(descriptor)

    def _put(self, process: subprocess.Popen[bytes], question: bytes) -> None:
        self._asked_s = self._clock()
        if self._silent_since_s is None:
            self._silent_since_s = self._asked_s
        # If the child has died meanwhile, the read notices it.
        with contextlib.suppress(OSError):
            os.write(_open(process.stdin).fileno(), question + b"\n")

    def _collect(self, patience_s: float) -> bytes | None:
        if self._process is None or self._asked_s is None:
            return None
        descriptor = _open(self._process.stdout).fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        until = time.monotonic() + patience_s
        while b"\n" not in self._received:
            left_s = max(0.0, until - time.monotonic())
            if not poll.poll(left_s * 1000):
                return None
            chunk = os.read(descriptor, READ_BYTES)
            if not chunk:
                self._fail(ending(self._process))
                return None
            self._received += chunk
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        self._asked_s = None
        return line

    def _judge(self) -> Reply:
        if self._process is None:
            return self._silence("resting")
        self._note_doing()
        if not self._overdue():
            return self._silence("pending")
        if self._clock() - (self._asked_s or 0.0) >= self._limits.abandon_s:
            self._fail(GIVEN_UP())
        return self._silence("overdue")

    def _overdue(self) -> bool:
        return self._asked_s is not None and self._clock() - self._asked_s >= self._limits.deadline_s

    def _silence(self, state: Literal["pending", "overdue", "resting"]) -> Reply:
        since_s = self._silent_since_s
        silent_s = 0.0 if since_s is None else self._clock() - since_s
        return Reply(state, silent_s=silent_s, doing=self._doing, trouble=self._trouble, stuck=self.stuck)

    def _note_doing(self) -> None:
        if self._page is not None:
            self._doing = self._page[:].rstrip(b"\0").decode("utf-8", "replace")

    def _fail(self, trouble: Message) -> None:
        self._note_doing()
        self._trouble = trouble
        rests_s = self._limits.back_off_s
        self._rest_until_s = self._clock() + rests_s[min(self._failures, len(rests_s) - 1)]
        self._failures += 1
        self._let_go()

    def _let_go(self) -> None:
        if self._process is not None:
            self._killed.add(self._process)
        if self._page is not None:
            self._page.close()
        self._process, self._page, self._asked_s = None, None, None
        self._received.clear()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the child was started without this pipe")
    return pipe
