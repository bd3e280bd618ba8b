"""``holter study run`` on one machine: run the queue. Several calls may run at once, because folds are locked."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from holter.errors import FolderNotWritable
from holter.linux.cgroups import available_bytes
from holter.records import Message
from holter.records.exit_codes import INTERRUPTED, REQUEUE
from holter.sentences import NOTHING_STARTED, define
from holter.study.cascade import needs_of
from holter.study.foreign import ForeignUse
from holter.study.queue import Ended, Queue, Slot
from holter.study.records import Cell, Job
from holter.study.sentences import name_of
from holter.study.slots import SLOT, WORKERS, effective_cpus, variables_of
from holter.study.state.holders import Silences
from holter.study.state.survey import Seen, cell_of, is_done, look
from holter.study.trainings import Trainings, holder_here
from holter.supervisor.folds.fold_lock import CANNOT_WRITE_IN
from holter.supervisor.state_folder import state_folders
from holter.tape.registry import read_all

if TYPE_CHECKING:
    from holter.study.clusters.ray import RayTrainings

POLL_S = 0.5
# Trainings of others are seen by their locks and tapes, which are files.
LOOK_EVERY_S = 5.0
HOLTER_FAILED = 2

STARTED = define(
    "study.started",
    "started {name} in slot {slot} (PID {pid}[[, {count} data workers]]): {console}",
    one="started {name} in slot {slot} (PID {pid}[[, {count} data worker]]): {console}",
)
GIVEN = define("study.given", "given to the cluster: {name}: {console}")
GOES_ON_ELSEWHERE = define("study.runs-already", "{name} runs already[[ ({why})]]; it is not started again")
ALONE = define(
    "study.goes-on-alone",
    "{name}: its Holter was killed, and the training goes on; it is continued if it ends before its last epoch",
)
DONE = define("study.job-done", "done: {name}")
AGAIN = define("study.job-again", "stopped before its end: {name}; it is continued later")
ASIDE = define("study.job-aside", "set aside: {name}: {why}")
EXIT_CODE = define("study.exit-code", "exit code {code}[[: {line}]]")
ERROR = define("study.error", "[[{id}: ]]{what}")
NOT_DONE = define(
    "study.ended-not-done", "it ended with exit code 0, but there is no final checkpoint with a validation"
)
CANNOT_START = define("study.cannot-start", "it cannot be started: {why}")
IN_BROKEN = define("study.is-broken", "broken before: {name}[[: {why:clause}]]; --retry starts it again")
STOPPING = define(
    "study.stopping",
    "{count} trainings are asked to save and end; Ctrl-C again kills them",
    one="{count} training is asked to save and end; Ctrl-C again kills it",
)
KILLED = define("study.killed", "killed; the same command continues from the last checkpoints")
STOPPED = define("study.stopped", "stopped; the same command continues")


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
        self._next_look_s = 0.0
        self._silences: Silences = {}
        broken = () if settings.retry else tuple(cell for cell in cells if cell.state == "broken")
        going = [cell for cell in cells if cell.state != "done" and cell not in broken]
        self._broken = broken
        self._queue = Queue(
            [cell.job for cell in going if cell.state != "running"],
            settings.slots,
            needs=needs_of(cells),
            keep_going=settings.keep_going,
            max_failures=settings.max_failures,
            spacing_s=settings.spacing_s,
        )
        self._trainings = trainings or Trainings(settings.out, settings.extra)
        self._foreign = ForeignUse(settings.slots, environ, tell)
        self._running = [cell for cell in going if cell.state == "running"]

    def run(self) -> int:
        """Run the queue to its end; return the exit code: 0 all done, 1 not all done, 130 or 75 stopped."""
        self._make_folder()
        for cell in self._broken:
            self._tell(IN_BROKEN(name=name_of(cell.job), why=cell.why))
        for cell in self._running:
            self._adopt(cell.job, cell.why)
        before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return self._loop()
        finally:
            self._foreign.close()
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def queue(self) -> Queue:
        """The queue, for the summary at the end."""
        return self._queue

    def _loop(self) -> int:
        handled = 0
        while not self._queue.is_over or self._trainings.running:
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
            self._tell(STOPPED())
            return INTERRUPTED if self._asked == signal.SIGINT else REQUEUE
        return 1 if self._queue.aside or self._queue.left or self._broken else 0

    def _start(self) -> None:
        now_s = time.monotonic()
        self._foreign.own(self._queue.devices)
        while (due := self._queue.start(now_s, lambda slot: self._foreign.is_free(slot, now_s))) is not None:
            job, slot = due
            # Days may lie between the first look and this start.
            cell = cell_of(job, self._look())
            if cell.state == "done":
                self._close(job, Ended(None, is_done=True))
                continue
            if cell.state == "running":
                self._queue.release(job)
                self._adopt(job, cell.why)
                continue
            variables = self._variables(slot)
            try:
                pid = self._trainings.start(job, slot, variables)
            except OSError as error:
                why = CANNOT_START(why=error.strerror or str(error))
                self._close(job, Ended(HOLTER_FAILED, is_done=False, why=why))
                continue
            workers, console = variables.get(WORKERS, ""), str(self._trainings.console_of(job))
            count = int(workers) if workers.isascii() and workers.isdigit() else None
            if pid:
                self._tell(STARTED(name=name_of(job), slot=slot.name, pid=pid, count=count, console=console))
            else:
                self._tell(GIVEN(name=name_of(job), console=console))

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
            cell = cell_of(job, seen)
            if cell.state == "running" and code is not None and code < 0:
                self._elsewhere[job.folder] = job  # its slot stays taken
                self._tell(ALONE(name=name_of(job)))
            # Another queue was faster; or a node is gone, and the lock of its training is not stale yet.
            elif code in (HOLTER_FAILED, None) and cell.state == "running":
                self._queue.release(job)
                self._adopt(job, cell.why)
            else:
                self._close(job, self._end_of(job, code, cell))
        for job in list(self._elsewhere.values()):
            self._see_elsewhere(job, seen)

    def _look(self) -> Seen:
        return look(read_all(state_folders(self._environ)), self._environ, self._silences)

    def _see_elsewhere(self, job: Job, seen: Seen) -> None:
        cell = cell_of(job, seen)
        if cell.state == "running":
            return
        del self._elsewhere[job.folder]
        why = cell.why if cell.state == "broken" else None
        self._close(job, Ended(None, is_done=cell.state == "done", cause=cell.cause if why else None, why=why))

    def _end_of(self, job: Job, code: int | None, cell: Cell) -> Ended:
        if code in (0, REQUEUE, None):
            done = is_done(job.folder)
            return Ended(code, is_done=done, why=NOT_DONE() if code == 0 and not done else None)
        error = self._trainings.error(job)
        line = self._trainings.last_line(job) or None if error is None else ERROR(id=error.id, what=error.what)
        why = cell.headline if cell.state == "broken" and cell.headline is not None else EXIT_CODE(code=code, line=line)
        cause = cell.cause if cell.state == "broken" else None
        if error is not None:
            cause = error.id
        return Ended(code, is_done=False, cause=cause, why=why)

    def _close(self, job: Job, end: Ended) -> None:
        was_stopped = self._queue.stopped
        fate = self._queue.ended(job, end)
        said = {"done": DONE(name=name_of(job)), "again": AGAIN(name=name_of(job))}
        why = end.why or EXIT_CODE(code=end.code)
        self._tell(said[fate] if fate != "aside" else ASIDE(name=name_of(job), why=why))
        if self._queue.stopped is not None and was_stopped is None:
            self._tell(self._queue.stopped)

    def _adopt(self, job: Job, why: Message | None) -> None:
        holder = holder_here(job)
        self._elsewhere[job.folder] = job
        self._queue.adopt(job, holder[1] if holder else None, is_here=holder is not None)
        self._tell(GOES_ON_ELSEWHERE(name=name_of(job), why=why))

    def _stop(self, times: int) -> bool:
        # True after the second signal.
        if times > 1:
            self._trainings.kill()
            self._tell(KILLED())
            return True
        self._queue.stop(STOPPED())
        self._tell(STOPPING(count=self._trainings.running))
        self._trainings.ask_to_stop()
        return False

    def _take(self, number: int, _: FrameType | None) -> None:
        self._signals += 1
        self._asked = self._asked or number

    def _make_folder(self) -> None:
        try:
            self._settings.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderNotWritable(
                CANNOT_WRITE_IN(folder=str(self._settings.out), error=error.strerror or str(error)),
                safe=NOTHING_STARTED(),
                next_step="--out FOLDER",
            ) from error
