"""A thread that writes lines to a terminal, a pipe or a file, so that the caller never waits.

A pipe that nobody reads, or a terminal that was stopped with Ctrl-S, accepts no more bytes for an unlimited time. The
descriptor is shared with the training, so it must not be made non-blocking.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from holter.linux.signals import start_without_signals
from holter.tape.surrogates import plain_text

# A bad run prints some hundred lines a day. If there are more, a returning reader needs the newest.
MOST_WAITING = 500
# At the end: an active reader takes waiting lines at once. One that takes nothing for this long is gone …
FAREWELL_S = 2.0
# … and one that takes only a line now and then delays the exit code by at most this.
FAREWELL_MOST_S = 10.0


class LineWriter:
    """Writes lines in the order of ``say``; drops the oldest if nobody reads."""

    def __init__(self, stream: TextIO | None, left_out: Callable[[int], str]) -> None:
        """``stream`` None: lines are dropped. ``left_out``: the line for that many missing lines."""
        self._stream = stream
        self._left_out = left_out
        self._waiting: deque[str] = deque()
        self._missing = 0
        self._writes = 0
        self._is_writing = False
        self._is_over = stream is None  # nothing is written any more
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def say(self, line: str) -> None:
        """Queue one or more lines; returns at once."""
        with self._changed:
            if self._is_over:
                return
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self._missing += 1
            self._waiting.append(line)
            if self._start():
                self._changed.notify_all()
            else:
                self._write_without_thread()

    def close(self) -> None:
        """Write the waiting lines while the reader accepts them. Later lines are dropped."""
        until_s = time.monotonic() + FAREWELL_MOST_S
        with self._changed:
            while not self._is_done and time.monotonic() < until_s:
                if not self._moves():
                    break
            self._is_over = True
            self._changed.notify_all()

    @property
    def _is_done(self) -> bool:
        return self._is_over or not (self._waiting or self._is_writing)

    def _moves(self) -> bool:
        # True if something was written within ``FAREWELL_S``, or nothing is left to write.
        before = self._writes
        return bool(self._changed.wait_for(lambda: self._is_done or self._writes != before, FAREWELL_S))

    def _start(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="holter-lines", daemon=True)
            try:
                start_without_signals(thread)
                self._thread = thread
            except RuntimeError:  # no more threads for this user (ulimit -u, a cgroup's limit)
                return False
        return True

    def _write_without_thread(self) -> None:
        # Can block only if the training fills the pipe at the same moment.
        try:
            while self._waiting and self._stream is not None and takes_a_line(self._stream):
                self._write(self._waiting.popleft() + "\n")
        except (OSError, ValueError):
            self._is_over = True

    # ------------------------------------------------------------------------------------------------ the thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._is_over)
                if self._is_over:
                    return
                lines = [self._left_out(self._missing)] if self._missing else []
                lines.append(self._waiting.popleft())
                self._missing = 0
                self._is_writing = True
            try:
                self._write("".join(f"{line}\n" for line in lines))
            except (OSError, ValueError):  # no reader any more, or a closed stream
                with self._changed:
                    self._is_over = True

    def _write(self, text: str) -> None:
        stream = self._stream
        if stream is None:
            return
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError):  # a stream in memory
            stream.write(text)
            stream.flush()
            return
        data = plain_text(text).encode(stream.encoding or "utf-8", "backslashreplace")
        while data:
            try:
                data = data[os.write(descriptor, data) :]
            except BlockingIOError:  # another process made it non-blocking
                poll = select.poll()
                poll.register(descriptor, select.POLLOUT)
                poll.poll()
                continue
            with self._changed:
                self._writes += 1
                self._changed.notify_all()


def write_or_skip(stream: TextIO, text: str) -> bool:
    """Write what a terminal accepts at once; return False if it accepts nothing (Ctrl-S, stalled reader) or is gone.

    The terminal is opened again, because a descriptor that the training shares must not be made non-blocking.
    """
    data = plain_text(text).encode(stream.encoding or "utf-8", "backslashreplace")
    try:
        own = os.open(f"/proc/self/fd/{stream.fileno()}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            os.write(own, data)
        finally:
            os.close(own)
    except (OSError, ValueError):
        return False
    return True


def takes_a_line(stream: TextIO) -> bool:
    """Return whether a line can be written now without blocking."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))
