"""The demo with healing: a frozen worker is replaced, a killed training is restarted, and the training finishes."""

from __future__ import annotations

from holter.demo.fault_injector import GIVE_UP_S, FaultInjector
from holter.demo.faults.kills import FreezeThenKill
from holter.history.ranks import main_beat
from holter.records import ActionTaken, Beat, Noted, Tick
from holter.reports.catalogue import text
from holter.reports.live import lines as live
from holter.supervisor.recording.recorder import Recorder

# The second fault comes at this iteration of a later epoch, and only if a checkpoint exists to restart from.
KILL_ITERATION = 10
CURES = ("replace-workers", "restart")


class HealingScenario(FaultInjector):
    """Injects the second fault when the first one is healed."""

    healed: tuple[str, ...] = ()  # completed actions, in their order
    _echoes = live.RepeatFilter()
    _saved = False
    _healed_epoch: int | None = None
    _killed = False

    def action(self, action: ActionTaken) -> None:
        """Print what Holter does."""
        if action.action == "save-checkpoint":
            self._saved = self._saved or action.state == "done"
            return
        if action.state == "done" and action.action in CURES and action.action not in self.healed:
            self.healed = (*self.healed, action.action)
        line = live.action(action, self._lang)
        if line is not None and self._echoes.is_new(action):
            self._say_live(line)

    def each_tick(self, recorder: Recorder, tick: Tick) -> None:
        """Inject the second fault when it is time for that. Called after every tick of the recorder."""
        super().each_tick(recorder, tick)
        beat = main_beat(tick)
        if beat is None or self._killed or "replace-workers" not in self.healed:
            return
        if self._healed_epoch is None:
            self._healed_epoch = beat.epoch
        if self._is_time_to_kill(beat):
            self._kill(recorder, tick, beat)

    def _is_over(self, tick: Tick) -> bool:
        # The worker is not resumed while Holter may still replace it: on a busy machine that takes a while.
        gives_up = self.fault_s is not None and tick.t_s - self.fault_s >= GIVE_UP_S
        return "replace-workers" in self.healed or gives_up

    def _relieved_key(self) -> str:
        return super()._relieved_key() if "replace-workers" in self.healed else "demo.relieved.not-replaced"

    def _is_time_to_kill(self, beat: Beat) -> bool:
        later = self._healed_epoch is not None and (beat.epoch or 0) > self._healed_epoch
        return self._saved and later and beat.phase == "train" and (beat.iteration or 0) >= KILL_ITERATION

    def _kill(self, recorder: Recorder, tick: Tick, beat: Beat) -> None:
        assert isinstance(self._fault, FreezeThenKill)
        self._killed = True
        self._say(text("demo.inject", self._lang, what=text("demo.fault.kill-main", self._lang)))
        self._aim(tick, beat)
        self._fault.inject_next(self._context)
        recorder.add(Noted(t_s=recorder.now_s(), what="fault", text="kill-main"))
