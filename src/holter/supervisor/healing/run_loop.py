"""One run, several processes: watch the training, end it if the healer decides so, start it again."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import msgspec

from holter.errors import CommandNotFound
from holter.records import ActionTaken, Event, Noted, Notice, Plan, ProcessEnded, Text, Tick, exit_codes
from holter.remedies.ladder import reason_of
from holter.sentences import as_fields, define
from holter.supervisor.adopted import Adopted
from holter.supervisor.healing.checkpoint_before_restart import CHECKPOINT, CheckpointGuard, StalledTraining
from holter.supervisor.healing.continuation import Continuation
from holter.supervisor.healing.ending import of_training, of_wrapper
from holter.supervisor.healing.healer import Healer
from holter.supervisor.healing.orphans import leave_no_orphans
from holter.supervisor.healing.restart import PROCESSES, end_group
from holter.supervisor.healing.restart_delay import RestartDelay
from holter.supervisor.healing.scheduler_signals import SchedulerSignals
from holter.supervisor.launch import Launch
from holter.supervisor.recording.clock import LINGER_S, QUICK_LINGER_S, QUICK_TICK_S, TICK_S, RunClock
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.result import RunResult
from holter.texts.resume_command import NOT_AGAIN, printed

# Signals that ask the training to end.
ASKED_TO_END = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}

IN_KERNEL = define("act.in-kernel", "in the kernel (state D), cannot be ended: PID {pids}; waiting for them")
NOT_THIS_TIME = define("act.not-started-again", "the training has ended, and Holter does not start it again: {why}")
PASSED_ON = define("note.signal-passed-on", "{signal} was sent to Holter, which passed it on to the training")
NO_CHECKPOINT_YET = define("note.from-scratch", "no checkpoint had been written yet")


class RunLoop:
    """The processes of one run, one after another."""

    def __init__(
        self,
        launch: Launch,
        recorder: Recorder,
        healer: Healer,
        continuation: Continuation,
        guard: CheckpointGuard,
        clock: RunClock,
        each_tick: Callable[[Recorder, Tick], None] | None,
        *,
        end_orphans: bool,
        stopper: SchedulerSignals | None = None,
        on_tick: Callable[[Tick], None] | None = None,
    ) -> None:
        self._launch = launch
        self._recorder = recorder
        self._healer = healer
        self._continuation = continuation
        self._guard = guard
        self._clock = clock
        self._each_tick = each_tick
        self._end_orphans = end_orphans
        self._stopper = stopper
        self._on_tick = on_tick
        self._failure: str | None = None  # of on_tick
        self._number = 0
        self.child: subprocess.Popen[bytes] | None = None  # the newest process
        self._gave_up: Plan | None = None
        self._next_s = time.monotonic()
        self._tick_s = TICK_S
        self._ending = False
        self._ended_early = False
        self._adopted = Adopted()

    def run(self, child: subprocess.Popen[bytes]) -> RunResult:
        """Watch until the training has ended and is not to be started again."""
        while True:
            self.child = child
            plan = self._watch(child) or self._after_end(child)
            if plan.action == "restart":
                started = self._restart(child, plan)
                if started is not None:
                    child = started
                    continue
            elif plan.action == "stop":
                self._give_up(child, plan)
            orphans = leave_no_orphans(self._recorder, self._clock, self._number, end=self._end_orphans)
            self._recorder.finish()
            return RunResult(
                returncode=self._returncode(child),
                episodes=self._recorder.episodes,
                diagnoses=tuple(self._recorder.diagnoses.values()),
                orphans=orphans,
                generations=self._number + 1,
                gave_up=self._gave_up,
                outcome=self._recorder.outcome,
                tape=self._recorder.tape,
                tape_is_there=self._recorder.tape_is_there,
            )

    def _returncode(self, child: subprocess.Popen[bytes]) -> int:
        if self._gave_up is not None:
            return exit_codes.GAVE_UP
        asked = self._stopper is not None and self._stopper.asked
        if child.returncode is None:  # it cannot be ended, and Holter was asked to end
            return exit_codes.REQUEUE if asked else 128 + signal.SIGTERM
        return exit_codes.REQUEUE if asked and child.returncode != 0 else child.returncode

    def end(self) -> None:
        """End all processes and close the tape, after an error of Holter itself."""
        if self.child is not None:
            end_group(self.child, lambda: self._recorder.sources.living)
        self._recorder.finish()

    def _watch(self, child: subprocess.Popen[bytes]) -> Plan | None:
        # Returns None when the process has ended, a plan if it must be ended now.
        ended_s: float | None = None
        linger_s = LINGER_S
        self._tick_s = TICK_S
        while ended_s is None or self._clock.t_s() < ended_s + linger_s:
            tick = self._tick()
            if ended_s is None:
                plan = self._healer.see(tick, self._recorder.episodes, tuple(self._recorder.diagnoses.values()))
                if plan is not None and self._may_end(child, plan, tick):
                    return plan
            else:
                self._healer.waiting.update(tick)
            self._wait(child)
            if ended_s is None and child.poll() is not None:
                ended_s = self._clock.t_s()
                end = self._how_it_ended(child, ended_s)
                self._ended_early = end.early
                self._recorder.add(end)
                if child.returncode == 0 and not end.early and end.role == "main":
                    linger_s, self._tick_s = QUICK_LINGER_S, QUICK_TICK_S
        return None

    def _how_it_ended(self, child: subprocess.Popen[bytes], t_s: float) -> ProcessEnded:
        early = self._is_early(child)
        sources = self._recorder.sources
        # Launchers have their own exit codes for Ctrl-C.
        main = sources.main_ending(t_s) if signal.SIGINT not in self._launch.relay.seen else None
        if sources.process.main_pid in (None, child.pid):
            return of_training(child.pid, child.returncode, t_s, early=early)
        return of_wrapper(child.pid, child.returncode, t_s, main, early=early)

    def _is_early(self, child: subprocess.Popen[bytes]) -> bool:
        # Exit code 0 although epochs and the final checkpoint are missing.
        if child.returncode != 0 or self._is_asked_to_end or not self._recorder.is_unfinished():
            return False
        return not self._continuation.has_final(self._recorder.newest_environment.output_folder)

    def _may_end(self, child: subprocess.Popen[bytes], plan: Plan, tick: Tick) -> bool:
        # If not, the reason is reported, and the healer's plan is removed.

        def step() -> Tick | None:
            tick = self._tick()
            self._wait(child)
            return None if child.poll() is not None or self._is_asked_to_end else tick

        answer = self._guard.ask(StalledTraining(plan, self._number, self._healer.epoch, tick), step)
        if answer == "leave":
            self._healer.leave_alone()
        elif answer == "over":
            self._healer.withdraw()
        return answer == "end"

    def _tick(self) -> Tick:
        tick = self._recorder.safe_tick()
        if self._stopper is not None and any(_is_failed_stop(event) for event in tick.events):
            self._stopper.asked = False  # the training goes on, and may be healed and asked again
        if self._each_tick is not None:
            self._each_tick(self._recorder, tick)
        if self.child is not None:
            self._adopted.collect(tick.t_s, self.child.pid)
        if self._on_tick is not None:
            try:
                self._on_tick(tick)
            except Exception as error:  # noqa: BLE001 - a failing listener must not end the supervision
                text = f"{type(error).__name__}: {error}"
                if text != self._failure:
                    self._recorder.add(Noted(t_s=tick.t_s, what="listener-failed", text=text))
                self._failure = text
        now_s = time.monotonic()
        # A late tick is not caught up, and an early one (a child has ended) delays none: the last lines of a console
        # take two readings.
        self._next_s = min(max(self._next_s + self._tick_s, now_s), now_s + self._tick_s)
        return tick

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        def pass_on(number: int) -> None:
            if self._stopper is None or not self._stopper.take(number, self._number):
                child.send_signal(number)
                name = signal.Signals(number).name
                self._recorder.add(
                    Noted(t_s=self._clock.t_s(), what="signal-passed-on", message=PASSED_ON(signal=name))
                )

        while self._launch.relay.wait(self._next_s, pass_on) and child.poll() is None:
            pass
        late = self._stopper is not None and self._stopper.is_late
        if late and not self._ending and child.poll() is None:
            self._end_group(child, Plan(action="stop", reason="asked-to-stop"))

    def _after_end(self, child: subprocess.Popen[bytes]) -> Plan:
        if child.returncode == 0 and not self._ended_early:
            self._healer.after_good_end(self._clock.t_s())
            return Plan(action="nothing")
        if child.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
            return Plan(action="nothing")
        if self._is_asked_to_end:
            return Plan(action="nothing")
        if self._launch.relay.ended_by_one(child.returncode):
            return Plan(action="nothing")
        deaths = [
            diagnosis
            for diagnosis in self._recorder.diagnoses.values()
            if diagnosis.episode.generation == self._number and diagnosis.episode.kind == "death"
        ]
        plan = self._healer.after_end(self._clock.t_s(), tuple(deaths))
        self._say_not_again(plan)
        return plan

    def _say_not_again(self, plan: Plan) -> None:
        why = reason_of(plan)
        if self._healer.lacks_command and self._continuation.why_not is not None:
            message = NOT_AGAIN(why=self._continuation.why_not)
        elif self._healer.acts and why is not None and plan.action == "nothing":
            message = NOT_THIS_TIME(why=why)
        else:
            return
        self._recorder.add(Notice(t_s=self._clock.t_s(), what="not-started-again", message=message))
        self._recorder.safe_tick()

    @property
    def _is_asked_to_end(self) -> bool:
        return bool(self._launch.relay.seen & ASKED_TO_END) or (self._stopper is not None and self._stopper.asked)

    def _restart(self, child: subprocess.Popen[bytes], plan: Plan) -> subprocess.Popen[bytes] | None:
        # None if it cannot be restarted.
        self._end_group(child, plan)
        self._pauses(child).before(plan)
        if self._is_asked_to_end or child.poll() is None:  # two trainings at once would damage each other's files
            return None
        command = self._command_to_go_on(child, plan)
        self._launch.relay.wait(time.monotonic(), lambda _: None)  # Ctrl-C while files were verified
        if command is None or self._is_asked_to_end:
            return None
        self._number += 1
        action = ActionTaken(
            t_s=self._clock.t_s(),
            action="restart",
            state="begun",
            text=printed(command),
            cause=plan.cause,
            settings=plan.settings,
            generation=self._number,
        )
        self._recorder.act(action)
        try:
            started = self._launch.start(command, self._number, self._healer.settings)
        except CommandNotFound as error:
            self._recorder.act(msgspec.structs.replace(action, state="failed", **as_fields(error.what)))
            return None
        self._recorder.follow(started.pid)
        self._healer.begin(action)
        return started

    def _end_group(self, child: subprocess.Popen[bytes], plan: Plan) -> None:
        pids = tuple(sorted(self._recorder.sources.living | {child.pid}))
        action = ActionTaken(
            t_s=self._clock.t_s(),
            action="end-group",
            state="begun",
            message=PROCESSES(count=len(pids)),
            cause=plan.cause,
            pids=pids,
            generation=self._number,
        )
        self._ending = True
        self._recorder.act(action)
        self._recorder.safe_tick()  # the detectors must know before it happens
        left = end_group(child, lambda: self._recorder.sources.living)
        if left:
            failed = msgspec.structs.replace(
                action, t_s=self._clock.t_s(), state="failed", message=IN_KERNEL(pids=left)
            )
            self._recorder.act(failed)
        while child.poll() is None and not self._is_asked_to_end:
            self._tick()
            self._wait(child)
        self._ending = False
        if child.poll() is not None:
            self._recorder.act(msgspec.structs.replace(action, t_s=self._clock.t_s(), state="done"))

    def _command_to_go_on(self, child: subprocess.Popen[bytes], plan: Plan) -> tuple[str, ...] | None:
        # The command that loses least; None, with the reason reported, if all progress would be lost.
        folder, epoch = self._recorder.environment.output_folder, self._healer.epoch
        way = self._pauses(child).until_readable(lambda: self._continuation.prepare(folder, epoch), plan)
        if way.may_pass and self._is_asked_to_end:
            return None
        for file, problem in way.problems:
            message = CHECKPOINT(file=file.name, problem=problem)
            self._act("set-aside-checkpoint", "done" if way.used else "failed", message, plan)
        for file, problem in way.unread:
            self._act("keep-checkpoint", "done", CHECKPOINT(file=file.name, problem=problem), plan)
        if way.command is None:
            self._act("restart", "failed", way.why_not, plan)
            self._gave_up = msgspec.structs.replace(plan, action="stop", reason="no-usable-checkpoint")
        elif way.begins_again:
            self._recorder.add(Noted(t_s=self._clock.t_s(), what="from-scratch", message=NO_CHECKPOINT_YET()))
        return way.command

    def _pauses(self, child: subprocess.Popen[bytes]) -> RestartDelay:
        def step() -> None:
            self._healer.waiting.update(self._tick())
            self._wait(child)

        return RestartDelay(self._healer, self._clock, step, lambda: self._is_asked_to_end, self._act)

    def _act(self, action: str, state: str, message: Text, plan: Plan) -> None:
        self._recorder.act(
            ActionTaken(
                t_s=self._clock.t_s(),
                action=action,
                state=state,  # type: ignore[arg-type]
                **as_fields(message),
                cause=plan.cause,
                generation=self._number,
            )
        )

    def _give_up(self, child: subprocess.Popen[bytes], plan: Plan) -> None:
        self._gave_up = plan
        why = reason_of(plan) or plan.reason
        self._act("stop", "begun", why, plan)
        if child.poll() is None:
            self._end_group(child, plan)
        self._act("stop", "done", why, plan)
        self._recorder.safe_tick()


def _is_failed_stop(event: Event) -> bool:
    return isinstance(event, ActionTaken) and (event.action, event.state, event.source) == ("stop", "failed", "hook")
