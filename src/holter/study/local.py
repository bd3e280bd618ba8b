"""``holter study run`` on one machine: run the queue. Several calls may run at once, because folds are locked."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from holter.linux.cgroups import available_bytes
from holter.probes.machine.cgroup import effective_cpus
from holter.records import Message
from holter.records.exit_codes import INTERRUPTED, REQUEUE
from holter.study import messages as words
from holter.study.cascade import needs_of
from holter.study.foreign import ForeignUse
from holter.study.known_results import GONE, KnownResults
from holter.study.queue import MOST_REQUEUES, Ended, Queue, Slot
from holter.study.records import Cell, Job
from holter.study.seats import Seats
from holter.study.sentences import name_of
from holter.study.slots import SLOT, WORKERS, variables_of
from holter.study.state.holders import Silences
from holter.study.state.survey import Seen, cell_of, look
from holter.study.trainings import Trainings, holder_here, make_folder
from holter.supervisor.folds.fold_lock import ANOTHER, GOES_ON_ALONE, RANKS_GO_ON
from holter.supervisor.state_folder import state_folders
from holter.tape.registry import read_all
from holter.texts.results_folder import is_done

if TYPE_CHECKING:
    from holter.study.clusters.ray import RayTrainings

POLL_S = 0.5
# Trainings of others are seen by their locks and tapes, which are files.
LOOK_EVERY_S = 5.0
HOLTER_FAILED = 2
HAS_RESULTS = ("done", "unfinished")
REFUSED = (ANOTHER.key, GOES_ON_ALONE.key, RANKS_GO_ON.key)  # with these words, because another training has the fold


class Settings(NamedTuple):
    """Options of ``holter study run`` on one machine."""

    slots: tuple[Slot, ...]
    out: Path
    extra: tuple[str, ...] = ()
    keep_going: bool = False
    max_failures: int = 0
    retry: bool = False
    spacing_s: float = 10.0


class Session:
    """One call of ``holter study run``."""

    def __init__(
        self,
        cells: Sequence[Cell],
        settings: Settings,
        environ: Mapping[str, str],
        tell: Callable[[Message], None],
        on_poll: Callable[[], None] = lambda: None,
        trainings: Trainings | RayTrainings | None = None,
    ) -> None:
        """``on_poll``: called about twice a second; must not take long. ``trainings``: where; None: this machine."""
        self._settings, self._environ, self._tell, self._on_poll = settings, environ, tell, on_poll
        self._cpus, self._free_bytes = effective_cpus(), available_bytes()
        self._signals = 0
        self._asked = 0  # the signal
        self._elsewhere: dict[Path, Job] = {}
        self._begun: set[Path] = set()  # folders of what this call has started
        self._next_look_s = 0.0
        self._silences: Silences = {}
        broken = () if settings.retry else tuple(cell for cell in cells if cell.state == "broken")
        going = [cell for cell in cells if cell.state != "done" and cell not in broken]
        self._broken = broken
        self.queue = Queue(
            [cell.job for cell in going if cell.state != "running"],
            settings.slots,
            needs=needs_of(cells),
            keep_going=settings.keep_going,
            max_failures=settings.max_failures,
            spacing_s=settings.spacing_s,
        )
        self._trainings = trainings or Trainings(settings.out, settings.extra)
        self._foreign = ForeignUse(settings.slots, environ, tell)
        self._seats = Seats(next(iter(state_folders(environ))), tell)
        results = environ.get("nnUNet_results")
        with_results = [cell.job.folder for cell in cells if cell.state in HAS_RESULTS]
        recorded = [] if settings.retry else self._recorded(cells)
        self._known = KnownResults((*with_results, *recorded), Path(results) if results else None)
        self._running = [cell for cell in going if cell.state == "running"]

    def run(self) -> int:
        """Run the queue to its end; return the exit code: 0 all done, 1 not all done, 130 or 75 stopped."""
        make_folder(self._settings.out)
        for cell in self._broken:
            self._tell(words.IN_BROKEN(name=name_of(cell.job), why=cell.why))
        for cell in self._running:
            self._adopt(cell.job, cell.why)
        before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return self._loop()
        finally:
            self._foreign.close()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _loop(self) -> int:
        handled = 0
        while not self.queue.is_over or self._trainings.running:
            if self._signals > handled:
                handled += 1
                if self._stop(handled):
                    return INTERRUPTED
            self._start()
            self._see_ends()
            if self._signals and not self._trainings.running:
                break
            self._on_poll()
            time.sleep(POLL_S)
        if self._signals:
            self._tell(words.STOPPED())
            return INTERRUPTED if self._asked == signal.SIGINT else REQUEUE
        return 1 if self.queue.aside or self.queue.left or self._broken else 0

    def _start(self) -> None:
        now_s = time.monotonic()
        self._foreign.own(self.queue.devices)
        while (due := self.queue.start(now_s, lambda slot: self._is_free(slot, now_s))) is not None:
            job, slot = due
            try:
                self._begin(job, slot)
            finally:
                self._seats.given(slot)

    def _is_free(self, slot: Slot, now_s: float) -> bool:
        return self._foreign.is_free(slot, now_s) and self._seats.take(slot)

    def _begin(self, job: Job, slot: Slot) -> None:
        # Days may lie between the first look and this start.
        are_gone = self._known.are_gone()
        cell = self._cell(job, self._look())
        if cell.state == "done":
            self._close(job, Ended(None, is_done=True))
        elif cell.state == "running":
            self.queue.release(job)
            self._adopt(job, cell.why)
        elif self._has_failed_elsewhere(cell):
            self._close(job, _elsewhere(cell))
        elif are_gone:
            self.queue.put_back(job)
            folder = self._environ.get("nnUNet_results") or str(job.model)
            self.queue.stop(GONE(count=self._known.count, folder=folder))
            self._tell_stopped()
        else:
            self._begun.add(job.folder)
            self._start_one(job, slot)

    def _start_one(self, job: Job, slot: Slot) -> None:
        variables = self._variables(slot)
        try:
            pid = self._trainings.start(job, slot, variables, self._seats.to_inherit(slot))
        except OSError as error:
            why = words.CANNOT_START(why=error.strerror or str(error))
            self._close(job, Ended(HOLTER_FAILED, is_done=False, why=why))
            return
        workers, console = variables.get(WORKERS, ""), str(self._trainings.console_of(job))
        count = int(workers) if workers.isascii() and workers.isdigit() else None
        if pid:
            self._tell(words.STARTED(name=name_of(job), slot=slot.name, pid=pid, count=count, console=console))
        else:
            self._tell(words.GIVEN(name=name_of(job), console=console))

    def _has_failed_elsewhere(self, cell: Cell) -> bool:
        # What is broken because its folder cannot be read is started: its own error says more.
        return _has_failed(cell) and not self._settings.retry and cell.job.folder not in self._begun

    def _variables(self, slot: Slot) -> dict[str, str]:
        # On a cluster the share of a training is that of its node.
        if isinstance(self._trainings, Trainings):
            return variables_of(slot, len(self._settings.slots), self._cpus, self._environ, self._free_bytes)
        return {**self._environ, SLOT: slot.name}

    def _see_ends(self) -> None:
        over = self._trainings.ended()
        now_s = time.monotonic()
        if not over and not (self._elsewhere and now_s >= self._next_look_s):
            return
        self._next_look_s = now_s + LOOK_EVERY_S
        seen = self._look()
        for job, code in over:
            cell = self._cell(job, seen)
            if cell.state == "running" and code is not None and code < 0:
                self._elsewhere[job.folder] = job  # its slot stays taken
                self._tell(words.ALONE(name=name_of(job)))
            # Another queue was faster; or a node is gone, and the lock of its training is not stale yet.
            elif code in (HOLTER_FAILED, None) and cell.state == "running":
                self.queue.release(job)
                self._adopt(job, cell.why)
            else:
                self._close(job, self._end_of(job, code, cell))
        for job in list(self._elsewhere.values()):
            self._see_elsewhere(job, seen)

    def _look(self) -> Seen:
        entries = read_all(state_folders(self._environ))
        return look(entries, self._environ, self._silences, by_log=not self._settings.retry)

    def _cell(self, job: Job, seen: Seen) -> Cell:
        cell = cell_of(job, seen)
        if cell.state in HAS_RESULTS:
            self._known.add(job.folder)
        return cell

    def _see_elsewhere(self, job: Job, seen: Seen) -> None:
        cell = self._cell(job, seen)
        if cell.state == "running":
            return
        del self._elsewhere[job.folder]
        self._close(job, _elsewhere(cell))

    def _end_of(self, job: Job, code: int | None, cell: Cell) -> Ended:
        # One that died while it was asked to stop ends with 75, too.
        if code in (0, None) or (code == REQUEUE and not _has_failed(cell)):
            done = is_done(job.folder)
            return Ended(code, is_done=done, why=words.NOT_DONE() if code == 0 and not done else None)
        error = self._trainings.error(job)
        if error is not None and isinstance(error.what, Message) and error.what.key in REFUSED:
            return _elsewhere(cell)  # it was refused, and the other training has ended since
        line = self._trainings.last_line(job) or None if error is None else words.ERROR(id=error.id, what=error.what)
        headline, cause = (cell.headline, cell.cause) if cell.state == "broken" else (None, None)
        why = headline or words.EXIT_CODE(code=code, line=line)
        return Ended(code, is_done=False, cause=cause if error is None else error.id, why=why)

    def _close(self, job: Job, end: Ended) -> None:
        was_stopped = self.queue.stopped
        fate = self.queue.ended(job, end)
        said = {"done": words.DONE(name=name_of(job)), "again": words.AGAIN(name=name_of(job))}
        is_without_end = end.code in (REQUEUE, None)
        why = end.why or (words.TOO_OFTEN(count=MOST_REQUEUES) if is_without_end else words.EXIT_CODE(code=end.code))
        self._tell(said[fate] if fate != "aside" else words.ASIDE(name=name_of(job), why=why))
        if was_stopped is None:
            self._tell_stopped()

    def _tell_stopped(self) -> None:
        if self.queue.stopped is not None:
            self._tell(self.queue.stopped)

    def _adopt(self, job: Job, why: Message | None) -> None:
        holder = holder_here(job)
        self._elsewhere[job.folder] = job
        self.queue.adopt(job, holder[1] if holder else None, is_here=holder is not None)
        self._tell(words.GOES_ON_ELSEWHERE(name=name_of(job), why=why))

    def _stop(self, times: int) -> bool:
        # True after the second signal.
        if times > 1:
            self._trainings.kill()
            self._tell(words.KILLED())
            return True
        self.queue.stop(words.STOPPED())
        if self._trainings.running:
            self._tell(words.STOPPING(count=self._trainings.running))
        if others := tuple(name_of(job) for job in self._elsewhere.values()):
            self._tell(words.OTHERS_GO_ON(count=len(others), names=others))
        self._trainings.ask_to_stop()
        return False

    def _take(self, number: int, _: FrameType | None) -> None:
        self._signals += 1
        self._asked = self._asked or number

    def _recorded(self, cells: Sequence[Cell]) -> list[Path]:
        # Folds that seem to be missing, and of which earlier calls have recorded finished epochs.
        missing = [cell.job.folder for cell in cells if cell.state == "missing"]
        calls = self._look().calls if missing else {}
        return [
            folder
            for folder in missing
            if any(kept.entry.epochs_done for kept in calls.get(os.path.realpath(folder), ()))
        ]


def _has_failed(cell: Cell) -> bool:
    # Whether its last recorded call gave up or died; else its folder cannot be read, perhaps only for a moment.
    return cell.state == "broken" and cell.why == cell.headline


def _elsewhere(cell: Cell) -> Ended:
    # The end of a training that another queue has started.
    why = (cell.why or words.NO_REASON()) if cell.state == "broken" else None
    return Ended(None, is_done=cell.state == "done", cause=cell.cause if why else None, why=why)
