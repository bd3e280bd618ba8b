"""A made-up run, second by second: it trains, stands still, dies and is started again as a test says."""

from __future__ import annotations

from holter.records import (
    ActionTaken,
    Beat,
    Environment,
    Episode,
    EpochEnded,
    Event,
    PhaseChanged,
    ProcessEnded,
    ProcessSample,
    Tick,
)
from holter.tape import Recording

STEPS_A_SECOND = 4


class Run:
    """A run under construction; every method goes on from where the last one ended."""

    def __init__(self) -> None:
        self.t = 0
        self.pid = 4700
        self.generation = 0
        self.ticks: list[Tick] = []
        self.episodes: list[Episode] = []
        self._events: list[Event] = []
        self._phase = "startup"
        self._epoch: int | None = None
        self._steps = 0
        self._progress = 0
        self._progressed = 0.0

    def startup(self, seconds: int = 10) -> Run:
        self.event(PhaseChanged(t_s=float(self.t), phase="startup"))
        self._phase, self._steps, self._progress = "startup", 0, 0
        return self._pass(seconds, works=False)

    def enter(self, phase: str, epoch: int | None = None) -> Run:
        self._phase, self._epoch = phase, epoch
        return self.event(PhaseChanged(t_s=float(self.t), phase=phase, epoch=epoch))  # type: ignore[arg-type]

    def train(self, epoch: int, seconds: int, pace: float = 1.0) -> Run:
        return self.enter("train", epoch)._pass(seconds, pace=pace)

    def go_on(self, seconds: int, pace: float = 1.0) -> Run:
        return self._pass(seconds, pace=pace)

    def finish_epoch(self, epoch: int, loss: float = -0.5, dice: float = 0.7, validation_s: int = 4) -> Run:
        self.enter("validate", epoch)._pass(validation_s)
        self.event(
            EpochEnded(t_s=float(self.t), epoch=epoch, train_loss=loss, val_loss=loss + 0.05, pseudo_dice=(dice, dice))
        )
        return self.enter("checkpoint", epoch)._pass(1)

    def epoch(self, epoch: int, seconds: int = 20, loss: float = -0.5, dice: float = 0.7) -> Run:
        return self.train(epoch, seconds).finish_epoch(epoch, loss, dice)

    def stand(self, seconds: int) -> Run:
        return self._pass(seconds, works=False)

    def die(self, signal: int = 9) -> Run:
        self.event(ProcessEnded(t_s=float(self.t), pid=self.pid, role="main", exit_signal=signal))
        return self

    def down(self, seconds: int) -> Run:
        for _ in range(seconds):
            self._tick(Tick(t_s=float(self.t)))
        return self

    def restart(self, cause: str | None = None, settings: tuple[tuple[str, str], ...] = ()) -> Run:
        self.generation += 1
        self.pid += 100
        return self.act("restart", "begun", cause=cause, settings=settings)

    def act(self, action: str, state: str, **more: object) -> Run:
        more = {"generation": self.generation, **more}
        return self.event(ActionTaken(t_s=float(self.t), action=action, state=state, **more))  # type: ignore[arg-type]

    def episode(self, kind: str, start_s: float, end_s: float | None, subject: str = "training") -> Run:
        alarm_s = start_s + 6
        self.episodes.append(Episode(kind=kind, start_s=start_s, alarm_s=alarm_s, end_s=end_s, subject=subject))  # type: ignore[arg-type]
        return self

    def event(self, event: Event) -> Run:
        self._events.append(event)
        return self

    def recording(self, attached: bool = False) -> Recording:
        self._tick(Tick(t_s=float(self.t)))
        return Recording(
            all_ticks=tuple(self.ticks),
            all_episodes=tuple(self.episodes),
            environment=Environment(wall_start="2026-03-04T08:12:09+00:00", attached=attached),
            finished=True,
        )

    def _pass(self, seconds: int, works: bool = True, pace: float = 1.0) -> Run:
        for _ in range(seconds):
            self._tick(
                Tick(
                    t_s=float(self.t),
                    processes=(ProcessSample(t_s=float(self.t), pid=self.pid, role="main", state="R"),),
                    beats=(self._beat(),),
                )
            )
            if works:
                done = max(1, round(STEPS_A_SECOND * pace))
                self._progress += done
                self._steps += done if self._phase == "train" else 0
                self._progressed = self.t - 0.01
        return self

    def _beat(self) -> Beat:
        return Beat(
            t_s=float(self.t),
            pid=self.pid,
            phase=self._phase,  # type: ignore[arg-type]
            epoch=self._epoch,
            progress_total=self._progress,
            progressed_s=self._progressed,
            steps_total=self._steps,
        )

    def _tick(self, tick: Tick) -> None:
        at = float(self.t)
        events = tuple(event for event in self._events if event.t_s <= at)
        self._events = [event for event in self._events if event.t_s > at]
        self.ticks.append(Tick(t_s=at, processes=tick.processes, beats=tick.beats, events=events))
        self.t += 1
