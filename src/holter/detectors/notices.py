"""What is worth a line and no alarm: the training goes on, with less than it should have. Pure, like the detectors."""

from __future__ import annotations

from holter.detectors.view import main_beat
from holter.records import Beat, Notice, Subject, Tick
from holter.sentences import define

# A worker with a case in hand for this long, while the others have delivered this many batches each: a huge case takes
# a minute, and then comes.
LOST_S, OTHERS_EACH = 90.0, 5

# Workers that end one after the other at the end of a run, or are about to be replaced, are gone for a moment.
GONE_S, GONE_STEPS = 60.0, 5

WORKERS_GONE = define(
    "notice.workers-gone",
    "{gone} of {all} data workers ended {age:duration} ago, and the training goes on with the others: it will be "
    "slower",
)
LOST_WORKER = define(
    "notice.lost-worker",
    "{worker} has not delivered a batch for {age:duration}, while the others go on: case {case} in hand. The training "
    "runs with one worker less",
)


class Notices:
    """Notices of one process of the run; each is given once."""

    def __init__(self) -> None:
        self._began: dict[int, tuple[float, int, int]] = {}  # worker -> (case since, its steps, steps of all then)
        self._told: set[tuple[int, int]] = set()  # worker, its steps
        self._most = 0  # workers at a time
        self._fewer: tuple[float, int, int] | None = None  # since when fewer, how many, steps of the training then
        self._told_gone = 0

    def see(self, tick: Tick) -> tuple[Notice, ...]:
        """Take in the next tick."""
        workers = [beat for beat in tick.beats if beat.role == "train-worker"]
        main = main_beat(tick)
        if main is None:
            return ()
        gone = self._gone(len(workers), main, tick)
        if len(workers) < 2:
            return gone
        steps = sum(beat.steps_total for beat in workers)
        found = [notice for beat in workers if (notice := self._lost(beat, steps, len(workers), tick)) is not None]
        self._began = {beat.pid: self._began[beat.pid] for beat in workers if beat.pid in self._began}
        return (*gone, *found)

    def _gone(self, count: int, main: Beat, tick: Tick) -> tuple[Notice, ...]:
        """Workers that ended while the others, and the training, go on."""
        if count >= self._most or count == 0 or main.phase not in ("train", "validate"):
            self._most, self._fewer = max(count, self._most if count else 0), None
            return ()
        if self._fewer is None or self._fewer[1] != count:
            self._fewer = (tick.t_s, count, main.steps_total)
        since_s, _, steps = self._fewer
        gone = self._most - count
        if tick.t_s - since_s < GONE_S or main.steps_total - steps < GONE_STEPS or gone <= self._told_gone:
            return ()
        self._told_gone = gone
        message = WORKERS_GONE(gone=gone, all=self._most, age=tick.t_s - since_s)
        return (Notice(t_s=tick.t_s, what="workers-gone", message=message),)

    def _lost(self, beat: Beat, steps: int, workers: int, tick: Tick) -> Notice | None:
        if beat.case is None or beat.case_began_s is None:
            self._began.pop(beat.pid, None)
            return None
        since = self._began.get(beat.pid)
        if since is None or since[1] != beat.steps_total:
            since = self._began[beat.pid] = (tick.t_s, beat.steps_total, steps)
        age_s, others = tick.t_s - since[0], steps - since[2]
        if age_s < LOST_S or others < OTHERS_EACH * (workers - 1) or (beat.pid, beat.steps_total) in self._told:
            return None
        self._told.add((beat.pid, beat.steps_total))
        who = Subject(role=beat.role, index=beat.worker_index, pid=beat.pid)
        message = LOST_WORKER(worker=who, age=age_s, case=beat.case)
        return Notice(t_s=tick.t_s, what="lost-worker", message=message, pids=(beat.pid,))
