"""Wait for one file set that another training prepares: until it is ready, or this training may prepare it."""

from __future__ import annotations

import contextlib
import shlex
import time
from pathlib import Path
from typing import Protocol

from holter.linux.place import here
from holter.linux.procfs import read_text
from holter.probes.process.process_files import parse_stat, started
from holter.probes.training.preprocessed import Job
from holter.probes.training.starting import STARTS_WITHIN_S, starting_trainings
from holter.records import Message
from holter.supervisor.folds import messages as words
from holter.supervisor.folds.lock import STALE_S, IsHeld, Lock
from holter.supervisor.folds.lock_state import PROCESSES, About, LockState, host_of, is_gone, read_state
from holter.supervisor.folds.patience import Patience
from holter.supervisor.folds.torn_files import UNWRITTEN_S, TornFiles
from holter.supervisor.folds.unchanged import Unchanged, mtime_s

POLL_EVERY_S = 1.0
# Over NFS the last pages of a file may arrive after its length.
SETTLED_S = 10.0
# A training keeps the lock if its Holter was killed. If it prepares nothing for this long, it will not do so any more.
ORPHANED_S = 300.0
# A live holder that prepares nothing for this long is stalled in its start (a dead mount). Progress is counted in
# cases, and a case takes minutes at most.
STUCK_S = 1800.0
# If a training failed, its Holter releases the lock and ends within a second or two.
FREE_S = 15.0
STOPPED = ("T", "t")


class Announce(Protocol):
    """The receiver of the messages that a waiting training reports."""

    def say(self, message: Message) -> None:
        """Report a message that is sent only once, such as which fold is waited for."""

    def show(self, message: Message) -> None:
        """Report how far the other fold is; called every second while the training waits."""


class Turn:
    """One wait for another training that prepares the same data.

    ``lock``: the lock, held once it is this training that prepares the data; else None.
    """

    def __init__(self, fold: str, path: Path, job: Job, announce: Announce, patience: Patience) -> None:
        self.lock: Lock | None = None
        self._fold, self._path, self._job = fold, path, job
        self._announce, self._patience = announce, patience
        self._began_s = time.monotonic()
        self._about: About = {}  # of the lock that was last waited for
        self._whom: dict[str, str | int] = {}  # the same holder, or a training without Holter, as blanks of a message
        self._announced: set[tuple[object, str]] = set()
        self._stopped: int | None = None
        self._file, self._left, self._free = Unchanged(), Unchanged(), Unchanged()
        self._made = Unchanged()  # by this holder

    def wait(self) -> None:
        """Wait until the files are ready, or this training may prepare them (``lock`` is held), or a wait is useless.

        It is useless if the other training still runs but prepares nothing, or if the lock cannot be written.

        Raises:  Asked if a signal asks Holter to end.
        """
        made_s: float | None = None
        while True:
            left, seen = self._job.left(), read_state(self._path)
            is_free = seen.state in ("none", "left-over") or self._is_stale(seen)
            if not left:
                made_s = made_s or time.monotonic()
                if is_free or not self._whom or self._is_settled(made_s):
                    _remove_left_over(self._path, seen)
                    return self._go_on()
            elif self._is_idle(seen, left):
                return self._take_over(left)
            elif is_free and self._still_lives():
                if self._free.for_s(True) >= FREE_S:
                    return self._announce.say(words.WITHOUT[self._job.kind](**self._values(left)))
            elif is_free and self._take():
                return None
            elif not is_free:
                made_s = None
                self._free.for_s(False)
                self._tell(seen.about, left)
            self._patience.sleep(POLL_EVERY_S)

    def _is_settled(self, made_s: float) -> bool:
        return self._job.kind == "splits" or time.monotonic() - made_s >= SETTLED_S

    def _is_stale(self, seen: LockState) -> bool:
        # Measured with the monotonic clock: clocks of hosts may differ.
        untouched_s = self._file.for_s(mtime_s(self._path))
        return seen.state == "elsewhere" and untouched_s >= STALE_S

    def _is_idle(self, seen: LockState, left: int) -> bool:
        # A training without its Holter holds the lock and prepares nothing.
        idle_s = self._left.for_s(left)
        return seen.state == "held" and _is_orphaned(seen.about) and idle_s >= ORPHANED_S

    def _still_lives(self) -> bool:
        # The holder released its lock but still runs: it is about to end, or it trains without preparing the data.
        # In the latter case its trainer does not prepare them, and neither will ours.
        if not self._about or self._has_announced_stuck:
            return False
        return is_gone(self._about) is False

    @property
    def _has_announced_stuck(self) -> bool:
        # If the user was advised to remove the lock, a missing lock does not show that its holder trains.
        return (self._about.get("token"), words.STUCK[self._job.kind].key) in self._announced

    def _take(self) -> bool:
        # False if another process was faster.
        try:
            self.lock = Lock(self._path, {"fold": self._fold})
        except IsHeld:
            return False
        except OSError:
            return True  # a read-only folder: nothing is written there
        if left := self._job.left():
            self._take_over(left)
            self._wait_for_strangers()
            self._clear()
        if not self._job.left():
            self.lock.close()
            self.lock = None
            self._go_on()
        return True

    def _wait_for_strangers(self) -> None:
        # Other Holters wait for our lock meanwhile.
        until_s = time.monotonic() + STARTS_WITHIN_S
        while (left := self._job.left()) and time.monotonic() < until_s:
            strangers = starting_trainings(self._path.parent, self._job.name)
            if not strangers:
                return
            self._whom = words.training_blanks(strangers[0], host_of({"host": here()}))
            self._say_once(
                strangers[0].pid, words.STARTS(**self._values(left), most=STARTS_WITHIN_S - strangers[0].age_s)
            )
            self._announce.show(words.STILL[self._job.kind](**self._values(left)))
            self._patience.sleep(POLL_EVERY_S)

    def _clear(self) -> None:
        # Removed only when it is certain that no process still writes these files.
        torn = TornFiles(self._job, self._path)
        while (count := torn.find()) and not torn.are_left():
            self._say_once(None, words.TORN(own=self._fold, count=count, file=torn.first, most=UNWRITTEN_S))
            self._patience.sleep(POLL_EVERY_S)
        if count and (removed := torn.remove()):
            self._announce.say(words.REMOVED(own=self._fold, count=removed, file=torn.first))

    def _tell(self, about: About, left: int) -> None:
        self._about, self._whom = about, words.holder_blanks(about)
        self._say_once(about.get("token"), words.WAITS[self._job.kind](**self._values(left)))
        stopped = _stopped(about)
        if stopped is not None and stopped != self._stopped:
            self._announce.say(words.STOPPED(**self._values(left), stopped=stopped))
        self._stopped = stopped
        idle_s = self._made.for_s((left, about.get("token")))
        if idle_s >= STUCK_S:
            stuck = words.STUCK[self._job.kind](**self._values(left), idle=idle_s, lock=shlex.quote(str(self._path)))
            self._say_once(about.get("token"), stuck)
        self._announce.show(words.STILL[self._job.kind](**self._values(left)))

    def _take_over(self, left: int) -> None:
        if self._whom:
            self._announce.say(words.TAKES_OVER[self._job.kind](**self._values(left)))

    def _go_on(self) -> None:
        if self._whom:
            self._announce.say(words.GOES_ON[self._job.kind](**self._values(0)))

    def _say_once(self, about: object, message: Message) -> None:
        if (about, message.key) not in self._announced:
            self._announced.add((about, message.key))
            self._announce.say(message)

    def _values(self, left: int) -> dict[str, str | int | float]:
        return {"own": self._fold, **self._whom, "left": left, "count": left, "age": time.monotonic() - self._began_s}


def _remove_left_over(path: Path, seen: LockState) -> None:
    # No other process removes the lock of a holder that was killed after all data were prepared.
    if seen.state == "left-over":
        with contextlib.suppress(IsHeld, OSError):
            Lock(path).close()


def _is_orphaned(about: About) -> bool:
    # Its Holter has ended, on this machine; another process still holds the lock.
    pid = about.get("pid")
    return about.get("host") == here() and isinstance(pid, int) and started(pid) != about.get("started")


def _stopped(about: About) -> int | None:
    # None if the holder runs elsewhere.
    if about.get("host") != here():
        return None
    for name, since in PROCESSES:
        stat = parse_stat(read_text(f"/proc/{about.get(name)}/stat"))
        if stat is not None and stat.state in STOPPED and stat.started_ticks == about.get(since):
            return stat.pid
    return None
