"""Reads that hang: report them, try again on another thread, and at last leave the case out."""

from __future__ import annotations

import threading
import time

from holter.loader.read.reader_threads import Reader, ReaderPool
from holter.loader.read_errors import Touch, touched_by

THREAD_NAME = "holter-watch"
# A read takes milliseconds; over a busy network seconds; a whole case from a slow disk ten seconds.
READ_LIMIT_S = 30.0
ATTEMPTS_BEFORE_QUARANTINE = 2
# A dead mount hangs every thread that touches it: then only waiting is left.
MOST_STUCK = 6
_PARTS = 8  # checks of the readers per limit
_LONGEST_PAUSE_S = 1.0


class Watch(threading.Thread):
    """Checks which file each reader is reading, and since when."""

    def __init__(self, crew: ReaderPool, limit_s: float) -> None:
        super().__init__(name=THREAD_NAME, daemon=True)
        self._crew, self._limit_s = crew, limit_s
        self._reported: dict[Reader, tuple[Touch, int]] = {}  # for how many times the limit each was reported

    def run(self) -> None:
        """Check all readers regularly until the pool stops."""
        try:
            while not self._crew.stopping.wait(min(_LONGEST_PAUSE_S, self._limit_s / _PARTS)):
                for reader in tuple(self._crew.readers):
                    self._check(reader)
        except BaseException as error:  # noqa: BLE001 -- it is raised again in the trainer's thread
            self._crew.dispatch.fail(error)

    def _check(self, reader: Reader) -> None:
        touch, job = touched_by(reader), reader.job
        if touch is None or job is None or touch.case is None:
            self._reported.pop(reader, None)
            return
        waited_s = time.monotonic() - touch.since_s
        before, times = self._reported.get(reader, (touch, 0))
        times = times if before == touch else 0
        if waited_s < self._limit_s * (times + 1):
            return
        self._reported[reader] = (touch, times + 1)
        self._crew.quarantine.hung(touch.case, touch.file, waited_s, job.step)
        if times == 0:
            reader.is_stuck = True
            self._do_without(reader, touch)

    def _do_without(self, reader: Reader, touch: Touch) -> None:
        # Another thread reads it again; if that hung too, it reads another case.
        crew, job = self._crew, reader.job
        if job is None or touch.case is None:
            return
        if job.attempts >= ATTEMPTS_BEFORE_QUARANTINE and touch.case not in crew.quarantine:
            crew.quarantine.put(touch.case, touch.file, "reads of it do not come back", job.step)
        crew.dispatch.again(job)
        stuck = sum(each.is_stuck and each.is_alive() for each in crew.readers)
        able = sum(each.is_able() for each in crew.readers)
        if able < crew.wanted and stuck <= MOST_STUCK:
            crew.add()
