"""Before a stalled training is ended: check its checkpoints, and let it save a newer one if it can.

A stalled training still holds its network in memory. Without a checkpoint, ending it would lose the network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

from holter.history.ranks import main_beat
from holter.records import ActionTaken, Event, Noted, Plan, Text, Tick
from holter.sentences import as_fields, define, joined
from holter.supervisor.healing.continuation import Continuation, Way
from holter.supervisor.healing.control import NOT_ASKED, Control
from holter.supervisor.recording.recorder import Recorder

# A large network is written and verified in some seconds; a disk that needs longer has a problem.
SAVED_WITHIN_S = 30.0
# Enough for a checkpoint of some GB on a slow share. A disk that does not answer by then will not after a restart.
CHECKED_WITHIN_S = 120.0
HERE = "checkpoint-here"
# The first answer may belong to a checkpoint that was already being written.
ROUNDS = 2

CHECKPOINT = define("act.checkpoint", "{file}: {problem}")
MOVED_ON = define("note.moved-on", "it moved on or ended by itself")
NOT_READABLE = define("act.checkpoints-fail", "its checkpoints cannot be read: {error}")
NOT_IN_TIME = define("act.checkpoints-late", "its checkpoints could not be read within {within:.0f} s")
BEFORE_END = define("act.before-end", "before the training is ended")
NO_ANSWER = define("act.no-answer", "no answer within {within:.0f} s")

Answer = Literal["end", "leave", "over"]  # end it; leave it alone; it has ended or moved on by itself
# Returns one more tick; None if the training has ended or was asked to end.
Step = Callable[[], Tick | None]


class StalledTraining(NamedTuple):
    """A stalled training, and the plan that would end it."""

    plan: Plan
    generation: int
    epoch: int | None
    tick: Tick


class CheckpointGuard:
    """Decides whether a live training may be ended. It changes nothing except the training's checkpoints."""

    def __init__(self, recorder: Recorder, control: Control, continuation: Continuation) -> None:
        self._recorder = recorder
        self._control = control
        self._continuation = continuation

    def ask(self, standing: StalledTraining, step: Step) -> Answer:
        """Check the checkpoints, let the training save a newer one if that helps, and return what to do.

        ``end``: the training may be ended. ``leave``: do not end it, because no checkpoint could continue it. ``over``:
        it has ended or made progress by itself meanwhile. ``step`` records one second; it is called while this waits.
        """
        ticks = _Ticks(standing.tick, step)
        way = self._read_way(standing, ticks)
        for _ in range(ROUNDS):
            if ticks.is_over or not _saves_epochs(way, standing.tick) or not self._save(standing, ticks):
                break
            way = self._read_way(standing, ticks)
        if ticks.is_over:
            self._recorder.add(Noted(t_s=self._recorder.now_s(), what="not-ended", message=MOVED_ON()))
            return "over"
        if way.command is None:
            self._tell(standing, "leave-alone", "begun", _why(way))
            return "leave"
        return "end"

    def _read_way(self, standing: StalledTraining, ticks: _Ticks) -> Way:
        # In a thread: a disk may stall without end, and the recording must go on.
        ways: list[Way] = []
        folder = self._recorder.about.environment.output_folder

        def read() -> None:
            try:
                ways.append(self._continuation.read(folder, standing.epoch))
            except Exception as error:  # noqa: BLE001 - reported as the reason; an unreadable checkpoint cannot be continued
                ways.append(Way(why_not=NOT_READABLE(error=repr(error))))

        thread = threading.Thread(target=read, name="holter-way", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads for this user
            return Way(why_not=NOT_READABLE(error=str(error)))
        thread.join(0.5)  # usually fast
        until_s = self._recorder.now_s() + CHECKED_WITHIN_S
        while thread.is_alive() and self._recorder.now_s() < until_s and not ticks.is_over:
            ticks.one_more()
        if ways:
            return ways[0]
        return Way(why_not=NOT_IN_TIME(within=CHECKED_WITHIN_S))

    def _save(self, standing: StalledTraining, ticks: _Ticks) -> bool:
        # The checkpoint is written where the training waits for a batch. True if there is a new one.
        self._tell(standing, "save-checkpoint", "begun", BEFORE_END())
        if not self._control.ask(HERE, standing.plan.cause or "", standing.generation):
            self._tell(standing, "save-checkpoint", "failed", NOT_ASKED())
            return False
        until_s = self._recorder.now_s() + SAVED_WITHIN_S
        while self._recorder.now_s() < until_s and not ticks.is_over:
            answer = next(filter(_is_answer, ticks.one_more()), None)
            if isinstance(answer, ActionTaken):
                return answer.state == "done"
        if not ticks.is_over:
            self._tell(standing, "save-checkpoint", "failed", NO_ANSWER(within=SAVED_WITHIN_S))
        return False

    def _tell(self, standing: StalledTraining, action: str, state: Literal["begun", "failed"], message: Text) -> None:
        self._recorder.act(
            ActionTaken(
                t_s=self._recorder.now_s(),
                action=action,
                state=state,
                **as_fields(message),
                cause=standing.plan.cause,
                generation=standing.generation,
            )
        )


def _is_answer(event: Event) -> bool:
    if not isinstance(event, ActionTaken) or event.source != "hook":
        return False
    return event.action in ("save-checkpoint", HERE) and event.state in ("done", "failed")


class _Ticks:
    # ``is_over``: the training has ended or does steps again.

    def __init__(self, first: Tick, step: Step) -> None:
        self._steps = _steps(first)
        self._step = step
        self.is_over = False

    def one_more(self) -> tuple[Event, ...]:
        tick = self._step()
        if tick is None or _steps(tick) not in (None, self._steps):
            self.is_over = True
        return () if tick is None else tick.events


def _steps(tick: Tick) -> int | None:
    beat = main_beat(tick)
    return None if beat is None else beat.steps_total


def _saves_epochs(way: Way, tick: Tick) -> bool:
    # True if finished epochs are in no checkpoint, and the training waits where it can save.
    beat = main_beat(tick)
    if beat is None or not beat.epoch or beat.waits_for not in ("train-batch", "val-batch"):
        return False
    return (way.epochs or 0) < beat.epoch


def _why(way: Way) -> Text:
    return joined(*(CHECKPOINT(file=file.name, problem=problem) for file, problem in way.problems), way.why_not)
