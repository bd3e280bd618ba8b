"""End the training, and start it again where it loses least; or give it up."""

from __future__ import annotations

import time

import msgspec

from holter.errors import CommandNotFound
from holter.records import ActionTaken, Noted, Plan
from holter.remedies.ladder import reason_of
from holter.sentences import as_fields, define
from holter.supervisor.healing.checkpoint_before_restart import CHECKPOINT
from holter.supervisor.healing.continuation import Continuation
from holter.supervisor.healing.current_process import CurrentProcess
from holter.supervisor.healing.healer import Healer
from holter.supervisor.healing.restart_delay import RestartDelay
from holter.supervisor.launch import Launch
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.recorder import Recorder
from holter.texts.resume_command import printed

NO_CHECKPOINT_YET = define("note.from-scratch", "no checkpoint had been written yet")


class Restart:
    """Carries out the healer's plans to start again and to give up."""

    def __init__(
        self,
        launch: Launch,
        recorder: Recorder,
        healer: Healer,
        continuation: Continuation,
        clock: RunClock,
        process: CurrentProcess,
    ) -> None:
        self._launch = launch
        self._recorder = recorder
        self._healer = healer
        self._continuation = continuation
        self._clock = clock
        self._process = process
        self._delay = RestartDelay(healer, clock, self._wait_a_step, lambda: process.is_asked_to_end, process.act)
        self.gave_up: Plan | None = None  # why no process may follow the last one

    def start_again(self, plan: Plan) -> bool:
        """End the process, wait as the plan says, and start the next one; return whether one was started."""
        process = self._process
        process.end(plan)
        self._delay.before(plan)
        if process.is_asked_to_end or not process.has_ended:  # two trainings at once damage each other's files
            return False
        command = self._command_to_go_on(plan)
        self._launch.relay.wait(time.monotonic(), lambda _: None)  # Ctrl-C while files were verified
        if command is None or process.is_asked_to_end:
            return False
        process.number += 1
        action = ActionTaken(
            t_s=self._clock.t_s(),
            action="restart",
            state="begun",
            text=printed(command),
            cause=plan.cause,
            settings=plan.settings,
            generation=process.number,
        )
        self._recorder.act(action)
        try:
            started = self._launch.start(command, process.number, self._healer.attempts.settings)
        except CommandNotFound as error:
            self._recorder.act(msgspec.structs.replace(action, state="failed", **as_fields(error.what)))
            return False
        process.child = started
        self._recorder.follow(started.pid)
        self._healer.begin(action)
        return True

    def give_up(self, plan: Plan) -> None:
        """End the process if it lives, and say why no other one is started."""
        self.gave_up = plan
        why = reason_of(plan) or plan.reason
        self._process.act("stop", "begun", why, plan)
        if not self._process.has_ended:
            self._process.end(plan)
        self._process.act("stop", "done", why, plan)
        self._recorder.safe_tick()

    def _command_to_go_on(self, plan: Plan) -> tuple[str, ...] | None:
        # The command that loses least; None, with the reason reported, if all progress would be lost.
        folder, epoch = self._recorder.about.environment.output_folder, self._healer.state.epoch
        way = self._delay.until_readable(lambda: self._continuation.prepare(folder, epoch), plan)
        if way.may_pass and self._process.is_asked_to_end:
            return None
        for file, problem in way.problems:
            message = CHECKPOINT(file=file.name, problem=problem)
            self._process.act("set-aside-checkpoint", "done" if way.used else "failed", message, plan)
        for file, problem in way.unread:
            self._process.act("keep-checkpoint", "done", CHECKPOINT(file=file.name, problem=problem), plan)
        if way.command is None:
            self._process.act("restart", "failed", way.why_not, plan)
            self.gave_up = msgspec.structs.replace(plan, action="stop", reason="no-usable-checkpoint")
        elif way.begins_again:
            self._recorder.add(Noted(t_s=self._clock.t_s(), what="from-scratch", message=NO_CHECKPOINT_YET()))
        return way.command

    def _wait_a_step(self) -> None:
        self._healer.waiting.update(self._process.tick())
        self._process.wait()
