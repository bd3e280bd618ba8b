"""Lines for a terminal, a pipe or a file, written by a thread of their own: whoever says them never waits.

A pipe that nobody reads, or a terminal that was stopped with Ctrl-S, takes no more bytes for as long as it likes. The
descriptor is shared with the training, so it must not be made non-blocking.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from holter.tape.surrogates import plain_text

# A day of a bad run says some hundred lines. Of more, the newest are what a reader who comes back needs.
MOST_WAITING = 500
# At the end: a reader who is there takes what waits at once. One that takes nothing for so long is not there …
FAREWELL_S = 2.0
# … and one that takes a line now and then does not keep the exit code from whoever waits for it.
FAREWELL_MOST_S = 10.0


class LineWriter:
    """Writes lines in the order in which they were said; the oldest are left out where nobody reads."""

    def __init__(self, stream: TextIO | None, left_out: Callable[[int], str]) -> None:
        """``stream`` None: nobody listens. ``left_out``: the line that says how many lines are missing."""
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
        """Have a line (or several) written; returns at once."""
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
        """Write what waits, as long as somebody reads it; then nothing more."""
        until_s = time.monotonic() + FAREWELL_MOST_S
        with self._changed:
            while not self._is_done and time.monotonic() < until_s:
                if not self._moves_within(FAREWELL_S):
                    break
            self._is_over = True
            self._changed.notify_all()

    @property
    def _is_done(self) -> bool:
        return self._is_over or not (self._waiting or self._is_writing)

    def _moves_within(self, seconds: float) -> bool:
        """Whether somebody reads, or everything is read."""
        before = self._writes
        return bool(self._changed.wait_for(lambda: self._is_done or self._writes != before, seconds))

    def _start(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="holter-lines", daemon=True)
            # No signal is for this thread. SIGTTOU blocked: a terminal with "stty tostop" would else stop the whole
            # process group, training included, for a line of ours.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                thread.start()
                self._thread = thread
            except RuntimeError:  # no more threads for this user (ulimit -u, a cgroup's limit)
                return False
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return True

    def _write_without_thread(self) -> None:
        """Write what can be written without a wait, but for the moment in which the training fills the pipe as well."""
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
            except (OSError, ValueError):  # nobody reads any more; a stream that was closed
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
            except BlockingIOError:  # somebody else made it non-blocking
                poll = select.poll()
                poll.register(descriptor, select.POLLOUT)
                poll.poll()
                continue
            with self._changed:
                self._writes += 1
                self._changed.notify_all()


def write_or_skip(stream: TextIO, text: str) -> bool:
    """Write what a terminal takes at once; False where it takes nothing (Ctrl-S, a reader that hangs) or has gone.

    The terminal is opened once more, because a descriptor that the training shares must not be made non-blocking.
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
    """Whether a line can be written now without a wait."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))
