"""Write a checkpoint, in the background or at once, so that at every moment an intact one is on the disk."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from typing import IO

from ..remarks import Remark, plain
from . import select as files

BLOCK_BYTES = 8 << 20  # written at a time: the interpreter lock is released meanwhile
DRAIN_POLL_S = 0.5  # interval at which a wait for the background checks that bytes still move

Fill = Callable[[IO[bytes]], None]


class Unverified(OSError):
    """The bytes read back from a new checkpoint differ from what was written."""

    def __init__(self, problem: Remark) -> None:
        super().__init__(errno.EIO, f"what was read back is wrong ({plain(problem)})")
        self.problem = problem


class Job:
    def __init__(
        self, path: str, fill: Fill, epoch: int | None, then: Callable[[Job], None], began: float | None = None
    ) -> None:
        self.path = os.path.realpath(path)  # of a link, the target is replaced, not the link
        self.name = os.path.basename(path)  # noqa: PTH119
        self.fill, self.epoch, self.then = fill, epoch, then  # epoch: finished epochs at the snapshot
        self.taken = time.monotonic()
        self.began = self.taken if began is None else began  # when it first blocked the training
        self.held_up_s = self.written_s = 0.0
        self.error: Exception | None = None
        self.done = False

    def run(self) -> None:
        """Write the checkpoint, keep its duration and any error, and call ``then`` with this job; never raises."""
        began = time.monotonic()
        try:
            commit(self.path, self.fill)
        except Exception as error:
            self.error = error
        self.written_s = time.monotonic() - began
        self.fill = _nothing  # release the memory
        self.done = True
        self.then(self)


def _nothing(_: IO[bytes]) -> None:
    """Write nothing."""


def blocks(buffer: memoryview, moved: Callable[[], None]) -> Fill:
    """Return a function that writes the buffer to a file and calls ``moved`` after every block."""

    def fill(file: IO[bytes]) -> None:
        at = 0
        while at < len(buffer):
            at += file.write(buffer[at : at + BLOCK_BYTES])
            moved()

    return fill


def commit(path: str, fill: Fill) -> None:
    """Replace a checkpoint by a verified new one, or raise and leave everything as it was.

    The previous ``checkpoint_latest.pth`` is kept. A file of that name exists at every moment.
    """
    temporary = path + files.TEMPORARY
    try:
        with open(temporary, "wb", buffering=0) as file:  # noqa: PTH123
            fill(file)
            os.fsync(file.fileno())
            _forget_pages(file.fileno())  # so that the verification reads from the disk
        checked = files.verify(temporary)
        # Strange: torch has just written it, so the fault is in our reader.
        if checked.problem is not None and checked.kind != "strange":
            raise Unverified(checked.problem)
        if os.path.basename(path) == files.LATEST:  # noqa: PTH119
            _keep_previous(path)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    files.sync_folder(os.path.dirname(path))  # noqa: PTH120


def _forget_pages(descriptor: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _keep_previous(latest: str) -> None:
    if not files.verify(latest, crc=False).ok:  # missing or torn: it must not replace a good one
        return
    previous = os.path.join(os.path.dirname(latest), files.PREVIOUS)  # noqa: PTH118, PTH120
    linked = previous + files.TEMPORARY
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(linked)  # noqa: PTH108
        os.link(latest, linked)
        os.replace(linked, previous)  # noqa: PTH105
        with contextlib.suppress(FileNotFoundError):  # still there if both names were already one file
            os.unlink(linked)  # noqa: PTH108
    except OSError:  # a file system without hard links
        os.replace(latest, previous)  # noqa: PTH105


class Background:
    """One thread that lives while there is something to write; at most one checkpoint waits in its queue.

    It is not a daemon: Python does not exit before the last checkpoint is on the disk.
    """

    def __init__(self, beat: Callable[[], None]) -> None:
        self.beat = beat  # called when bytes moved during a wait for the disk
        self._changed = threading.Condition()
        self._queued: Job | None = None
        self._busy: Job | None = None
        self._thread: threading.Thread | None = None
        self._moved = 0

    def moved(self) -> None:
        """Record that bytes were written."""
        self._moved += 1

    def submit(self, job: Job) -> None:
        """Queue a job. It replaces a queued job for the same file, and waits for a queued job for another file."""
        self._wait(lambda: self._queued is None or self._queued.path == job.path)
        with self._changed:
            job.held_up_s = time.monotonic() - job.began
            self._queued = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="holter-checkpoints", daemon=False)
                self._thread.start()

    def drain(self) -> None:
        """Wait until all jobs are finished."""
        self._wait(lambda: self._queued is None and self._busy is None)

    def _wait(self, is_so: Callable[[], bool]) -> None:
        seen = self._moved
        with self._changed:
            while not self._changed.wait_for(is_so, timeout=DRAIN_POLL_S):
                if self._moved != seen:
                    seen = self._moved
                    self.beat()

    def _work(self) -> None:
        while True:
            with self._changed:
                job, self._queued = self._queued, None
                self._busy = job
                if job is None:
                    self._thread = None
                self._changed.notify_all()
            if job is None:
                return
            try:
                job.run()
            finally:
                with self._changed:
                    self._busy = None
                    self._changed.notify_all()
