"""Inject the fault, end it after some time, print what Holter finds; and the same with healing and a second fault."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from holter.demo.faults import Context, DemoFault, Worker
from holter.demo.faults.signals import FreezeThenKill
from holter.history.ranks import main_beat
from holter.records import ActionTaken, Beat, Diagnosis, Episode, Noted, Text, Tick
from holter.reports.catalogue import phrase, text
from holter.reports.live import lines as live
from holter.reports.live.line_writer import LineWriter, write_or_skip
from holter.reports.live.pace import stamp
from holter.sentences import define
from holter.supervisor.recording.listener import Listener
from holter.supervisor.recording.recorder import Recorder

# In the middle of epoch 1: the first epoch gives the baseline.
FAULT_EPOCH = 1
FAULT_ITERATION = 10
# The cause stays on screen for SHOW_CAUSE_S before the fault is relieved; without a cause, after GIVE_UP_S.
SHOW_CAUSE_S = 8.0
GIVE_UP_S = 75.0

SIMULATED = define("note.simulated", "GPU readings and slow steps are simulated")


CLEAR_ROW = "\r\x1b[K"


def speaker(writer: LineWriter, lang: Literal["en", "zh"], *, shows_progress: bool) -> Callable[[str], None]:
    """Return a function that prints a message with the time; with ``shows_progress`` it replaces the progress line.

    The further lines of a message are indented, and have no time of their own.
    """
    start = CLEAR_ROW if shows_progress else ""

    def say(line: str) -> None:
        when = "" if line.startswith(" ") else f"{stamp(None, time.time(), lang)} "
        writer.say(f"{start}{live.PREFIX} {when}{line}")

    return say


class FaultInjector(Listener):
    """Injects and ends a fault between ticks, and prints what Holter finds."""

    def __init__(
        self,
        fault: DemoFault,
        context: Context,
        lang: Literal["en", "zh"],
        say: Callable[[str], None],
        *,
        show_progress: bool,
    ) -> None:
        self.fault_s: float | None = None
        self._fault = fault
        self._context = context
        self._lang = lang
        self._say = say
        self._show_progress = show_progress
        self._named_s: float | None = None
        self._relieved = False
        self._epoch: int | None = None
        self._t_s = 0.0

    def each_tick(self, recorder: Recorder, tick: Tick) -> None:
        """Inject or end the fault when it is time for that. Called after every tick of the recorder."""
        self._t_s = tick.t_s
        beat = main_beat(tick)
        if beat is not None:
            self._tell_progress(beat)
        if self.fault_s is None and beat is not None and self._is_time(beat):
            self._inject(recorder, tick, beat)
        elif self.fault_s is not None and not self._relieved and self._is_over(tick):
            self._relieved = True
            self._fault.relieve(self._context)
            recorder.add(Noted(t_s=tick.t_s, what="fault-relieved", text=self._fault.name))
            if self._fault.true_cause is not None:
                self._say(text(self._relieved_key(), self._lang))

    def alarm(self, episode: Episode) -> None:
        self._say_live(live.alarm(episode, self._lang))

    def cause(self, diagnosis: Diagnosis) -> None:
        of_the_fault = self.fault_s is not None and diagnosis.episode.alarm_s >= self.fault_s
        if self._named_s is None and of_the_fault and diagnosis.verdicts[0].verdict in ("confirmed", "likely"):
            self._named_s = self._t_s
        self._say_live(live.cause(diagnosis, self._lang))

    def over(self, episode: Episode) -> None:
        """Print that the training continues."""
        self._say_live(live.over(episode, self._lang))

    def note(self, text: Text) -> None:
        """Print a message of the recorder."""
        self._say(phrase(text, self._lang))

    def _is_time(self, beat: Beat) -> bool:
        if self._fault.phase != "train":
            return beat.phase == self._fault.phase
        in_epoch = beat.phase == "train" and (beat.epoch or 0) >= FAULT_EPOCH
        return in_epoch and (beat.iteration or 0) >= FAULT_ITERATION

    def _relieved_key(self) -> str:
        return f"demo.relieved.{self._fault.name}"

    def _is_over(self, tick: Tick) -> bool:
        if self._named_s is not None:
            return tick.t_s - self._named_s >= SHOW_CAUSE_S
        return self.fault_s is not None and tick.t_s - self.fault_s >= GIVE_UP_S

    def _aim(self, tick: Tick, beat: Beat) -> None:
        # The processes that a fault will hit.
        workers = tuple(
            Worker(pid=process.pid, role=process.role) for process in tick.processes if process.role != "main"
        )
        self._context = msgspec.structs.replace(self._context, main_pid=beat.pid, workers=workers)

    def _inject(self, recorder: Recorder, tick: Tick, beat: Beat) -> None:
        self._aim(tick, beat)
        if self._fault.true_cause is not None:
            self._say(text("demo.inject", self._lang, what=text(f"demo.fault.{self._fault.name}", self._lang)))
        self._fault.inject(self._context)
        self.fault_s = recorder.now_s()
        recorder.add(Noted(t_s=self.fault_s, what="fault", text=self._fault.name))
        if self._fault.name == "vgpu-licence":
            recorder.add(Noted(t_s=self.fault_s, what="simulated", message=SIMULATED()))

    def _tell_progress(self, beat: Beat) -> None:
        if beat.epoch is not None and beat.epoch != self._epoch and beat.phase == "train":
            self._epoch = beat.epoch
            self._say(text("demo.epoch", self._lang, epoch=beat.epoch))
        if self._show_progress and beat.phase in ("train", "validate"):
            step_s = (beat.data_wait_s or 0.0) + (beat.compute_s or 0.0)
            phase = text(f"phase.{beat.phase}", self._lang)
            line = text("demo.step", self._lang, phase=phase, step=beat.iteration or 0, each=step_s)
            # In one piece, and the cursor goes back: the next line clears the row and takes its place.
            write_or_skip(sys.stderr, f"{CLEAR_ROW}{live.PREFIX} {line}\r")

    def _say_live(self, message: str) -> None:
        for line in message.splitlines():
            self._say(line)


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
