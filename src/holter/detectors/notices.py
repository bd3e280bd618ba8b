"""Notices: the training continues, but something is missing. They are printed and raise no alarm. Pure."""

from __future__ import annotations

from holter.detectors.course import LeftLoop
from holter.history.ranks import main_beat
from holter.history.standing import LEFT
from holter.records import Beat, Notice, Subject, Tick
from holter.sentences import define

# A worker is reported after this long with one case, while the others delivered this many batches each: a huge case
# takes a minute and then arrives.
LOST_S, OTHERS_EACH = 90.0, 5

LOST_WORKER = define(
    "notice.lost-worker",
    "{worker} has not delivered a batch for {age:duration}, while the others go on: case {case} in hand. The training "
    "runs with one worker less",
)
TRAINING_LEFT = define(
    "notice.training-left",
    "nnU-Net's training was ended by an exception[[ ({error})]], and its program goes on. "
    "If that stands still now, it is no alarm",
)


class Notices:
    """Notices about one process of the run, each reported once."""

    def __init__(self) -> None:
        self._began: dict[int, tuple[float, int, int]] = {}  # worker -> (case since, its steps, steps of all then)
        self._reported: set[tuple[int, int]] = set()  # worker, its steps
        self._left = LeftLoop()
        self._left_s: float | None = None  # the last one that was reported

    def see(self, tick: Tick) -> tuple[Notice, ...]:
        """Add the next tick; return new notices."""
        return (*self._see_left(tick), *self._see_workers(tick))

    def _see_left(self, tick: Tick) -> tuple[Notice, ...]:
        self._left.see(tick)
        left = self._left
        if not left.goes_on(tick.t_s) or left.since_s == self._left_s:
            return ()
        self._left_s = left.since_s
        pids = () if left.pid is None else (left.pid,)
        return (Notice(t_s=tick.t_s, what=LEFT, message=TRAINING_LEFT(error=left.error), pids=pids),)

    def _see_workers(self, tick: Tick) -> tuple[Notice, ...]:
        workers = [beat for beat in tick.beats if beat.role == "train-worker"]
        if main_beat(tick) is None or len(workers) < 2:
            return ()
        steps = sum(beat.steps_total for beat in workers)
        notices = [notice for beat in workers if (notice := self._lost(beat, steps, len(workers), tick)) is not None]
        self._began = {beat.pid: self._began[beat.pid] for beat in workers if beat.pid in self._began}
        return tuple(notices)

    def _lost(self, beat: Beat, steps: int, workers: int, tick: Tick) -> Notice | None:
        if beat.case is None or beat.case_began_s is None:
            self._began.pop(beat.pid, None)
            return None
        since = self._began.get(beat.pid)
        if since is None or since[1] != beat.steps_total:
            since = self._began[beat.pid] = (tick.t_s, beat.steps_total, steps)
        age_s, others = tick.t_s - since[0], steps - since[2]
        if age_s < LOST_S or others < OTHERS_EACH * (workers - 1) or (beat.pid, beat.steps_total) in self._reported:
            return None
        self._reported.add((beat.pid, beat.steps_total))
        who = Subject(role=beat.role, index=beat.worker_index, pid=beat.pid)
        message = LOST_WORKER(worker=who, age=age_s, case=beat.case)
        return Notice(t_s=tick.t_s, what="lost-worker", message=message, pids=(beat.pid,))
