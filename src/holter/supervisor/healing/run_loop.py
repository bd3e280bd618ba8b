"""One run, several processes: watch each to its end, and do what the healer decides then or meanwhile.

``current_process.py`` has what happens each second, ``restart.py`` how the next process begins.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

import msgspec

from holter.records import Notice, Plan, ProcessEnded, Tick, exit_codes
from holter.remedies.ladder import reason_of
from holter.sentences import define
from holter.supervisor.healing.checkpoint_before_restart import CheckpointGuard, StalledTraining
from holter.supervisor.healing.continuation import Continuation
from holter.supervisor.healing.current_process import CurrentProcess
from holter.supervisor.healing.healer import Healer
from holter.supervisor.healing.orphans import leave_no_orphans, left_in_background
from holter.supervisor.healing.restart import Restart
from holter.supervisor.healing.scheduler_signals import SchedulerSignals
from holter.supervisor.launch import Launch
from holter.supervisor.recording.clock import LINGER_S, QUICK_LINGER_S, QUICK_TICK_S, TICK_S, RunClock
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.result import RunResult
from holter.texts.resume_command import NOT_AGAIN

# A training that was asked to end with its launcher saves or cleans up for some seconds.
ENDS_WITHIN_S = 10.0
NOT_THIS_TIME = define("act.not-started-again", "the training has ended, and Holter does not start it again: {why}")


class RunLoop:
    """The processes of one run, one after another."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        launch: Launch,
        recorder: Recorder,
        healer: Healer,
        continuation: Continuation,
        guard: CheckpointGuard,
        clock: RunClock,
        each_tick: Callable[[Recorder, Tick], None] | None,
        *,
        end_orphans: bool,
        inherited: tuple[int, ...] = (),
        stopper: SchedulerSignals | None = None,
        on_tick: Callable[[Tick], None] | None = None,
    ) -> None:
        """``child``: the first process, which has been started; ``inherited``: descriptors that it inherited."""
        self._launch = launch
        self._recorder = recorder
        self._healer = healer
        self._continuation = continuation
        self._guard = guard
        self._clock = clock
        self._end_orphans, self._inherited = end_orphans, inherited
        self._stopper = stopper
        self._process = CurrentProcess(
            child, launch.relay, recorder, clock, stopper=stopper, each_tick=each_tick, on_tick=on_tick
        )
        self._restart = Restart(launch, recorder, healer, continuation, clock, self._process)
        self._ended_early = self._is_of_launcher = False

    def run(self) -> RunResult:
        """Watch and restart until the training has ended for good; return the result of the run."""
        while True:
            plan = self._watch() or self._after_end()
            if plan.action == "restart" and self._restart.start_again(plan):
                continue
            if plan.action == "stop":
                self._restart.give_up(plan)
            return self._finish()

    @property
    def child(self) -> subprocess.Popen[bytes]:
        return self._process.child

    def end(self) -> None:
        """End all processes and close the tape, after an error of Holter itself."""
        self._process.end_unrecorded()
        self._recorder.finish()

    # ---------------------------------------------------------------------------------------------- while it lives

    def _watch(self) -> Plan | None:
        # Returns None when the process has ended, a plan if it must be ended now.
        process = self._process
        ended_s: float | None = None
        linger_s = LINGER_S
        process.tick_s = TICK_S
        while ended_s is None or self._clock.t_s() < ended_s + linger_s:
            tick = process.tick()
            if ended_s is None:
                plan = self._healer.see(
                    tick, self._recorder.kept.episodes, tuple(self._recorder.kept.diagnoses.values())
                )
                if plan is not None and self._may_end(plan, tick):
                    return plan
            else:
                self._healer.waiting.update(tick)
            process.wait()
            if ended_s is None and process.has_ended:
                ended_s = self._clock.t_s()
                end = self._how_it_ended(ended_s)
                self._ended_early, self._is_of_launcher = end.early, end.role == "other"
                self._recorder.add(end)
                if self.child.returncode == 0 and not end.early and end.role == "main":
                    linger_s, process.tick_s = QUICK_LINGER_S, QUICK_TICK_S
        return None

    def _may_end(self, plan: Plan, tick: Tick) -> bool:
        # If not, the reason is reported, and the healer's plan is removed.

        def step() -> Tick | None:
            tick = self._process.step()
            return None if self._process.has_ended or self._process.is_asked_to_end else tick

        answer = self._guard.ask(StalledTraining(plan, self._process.number, self._healer.state.epoch, tick), step)
        if answer == "leave":
            self._healer.leave_alone()
        elif answer == "over":
            self._healer.attempts.withdraw()
        return answer == "end"

    # --------------------------------------------------------------------------------------- when it has ended

    def _how_it_ended(self, t_s: float) -> ProcessEnded:
        child, sources = self.child, self._recorder.sources
        early = self._is_early()
        # Launchers have their own exit codes for Ctrl-C.
        main = sources.main_ending(t_s) if signal.SIGINT not in self._launch.relay.seen else None
        if sources.process.main_pid in (None, child.pid):
            return of_training(child.pid, child.returncode, t_s, early=early)
        return of_wrapper(child.pid, child.returncode, t_s, main, early=early)

    def _is_early(self) -> bool:
        # Exit code 0 although epochs and the final checkpoint are missing.
        if self.child.returncode != 0 or self._process.is_asked_to_end or not self._recorder.is_unfinished():
            return False
        return not self._continuation.has_final(self._recorder.about.newest.output_folder)

    def _after_end(self) -> Plan:
        returncode = self.child.returncode
        if returncode == 0 and not self._ended_early:
            self._healer.after_good_end(self._clock.t_s())
            return Plan(action="nothing")
        if returncode in (-signal.SIGINT, 128 + signal.SIGINT):
            return Plan(action="nothing")
        if self._process.is_asked_to_end:
            return Plan(action="nothing")
        if self._launch.relay.ended_by_one(returncode):
            return Plan(action="nothing")
        if self._is_of_launcher and self._recorder.sources.find_left(self._clock.t_s()).mains:
            return Plan(action="nothing")  # the training works without it
        newest = {episode.identity: episode for episode in self._recorder.kept.episodes}
        deaths = [
            msgspec.structs.replace(diagnosis, episode=newest.get(diagnosis.episode.identity, diagnosis.episode))
            for diagnosis in self._recorder.kept.diagnoses.values()
            if diagnosis.episode.generation == self._process.number and diagnosis.episode.kind == "death"
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

    # ----------------------------------------------------------------------------------- when the run has ended

    def _finish(self) -> RunResult:
        number = self._process.number
        self._let_it_end()
        # What a training has forked and left at a good end goes on, such as an upload.
        is_good = self.child.returncode == 0
        left = leave_no_orphans(
            self._recorder,
            self._clock,
            number,
            end=self._end_orphans,
            is_good=is_good,
            inherited=() if is_good else self._inherited,
        )
        self._recorder.finish()
        return RunResult(
            returncode=self._returncode(),
            episodes=self._recorder.kept.episodes,
            diagnoses=tuple(self._recorder.kept.diagnoses.values()),
            orphans=left.orphans,
            goes_on=left.mains or (() if left.orphans else self._left_unseen()),
            generations=number + 1,
            gave_up=self._restart.gave_up,
            outcome=self._recorder.outcome,
            tape=self._recorder.tape,
            tape_is_there=self._recorder.tape_is_there,
        )

    def _left_unseen(self) -> tuple[int, ...]:
        outcome = self._recorder.outcome
        if self._process.is_asked_to_end or (outcome is not None and outcome.trained):
            return ()
        return left_in_background(self._launch.mark)

    def _let_it_end(self) -> None:
        # A shell ends at once at a signal, its training some seconds later.
        until_s = self._clock.t_s() + ENDS_WITHIN_S
        while self._process.is_asked_to_end and self._clock.t_s() < until_s:
            if not self._recorder.sources.find_left(self._clock.t_s()).mains:
                return
            self._process.step()

    def _returncode(self) -> int:
        if self._restart.gave_up is not None:
            return exit_codes.GAVE_UP
        asked = self._stopper is not None and self._stopper.asked
        returncode = self.child.returncode
        if returncode is None:  # it cannot be ended, and Holter was asked to end
            return exit_codes.REQUEUE if asked else 128 + signal.SIGTERM
        return exit_codes.REQUEUE if asked and returncode != 0 else returncode


# A shell adds the number of the signal that ended its command.
SHELL_SIGNALS = 128


def of_training(pid: int, code: int, t_s: float, *, early: bool) -> ProcessEnded:
    """Return the record of how a main process ended.

    ``code``: as in ``Popen.returncode``: negative for a signal. ``early``: it ended with exit code 0 before its last
    planned epoch. ``t_s``: when, in seconds of the recording.
    """
    return ProcessEnded(
        t_s=t_s,
        pid=pid,
        role="main",
        exit_code=code if code >= 0 else None,
        exit_signal=-code if code < 0 else None,
        source="wait",
        early=early,
    )


def of_wrapper(pid: int, code: int, t_s: float, main: ProcessEnded | None, *, early: bool) -> ProcessEnded:
    """Return the end of the started command if it is a shell or launcher around the training.

    If nothing else showed how the training ended, its end is returned instead, with the command's exit code.

    ``main``: how the training ended, as far as it was seen; None while it lives. Others: as in ``of_training``.
    """
    is_known = main is not None and (main.exit_code is not None or main.exit_signal is not None)
    if main is None or (is_known and not (early and main.exit_code == 0)):
        # A wrapper may end normally and leave its training running, but not hide that the training failed.
        return msgspec.structs.replace(of_training(pid, code, t_s, early=early and main is not None), role="other")
    return of_training(main.pid, _without_shell(code), t_s, early=early)


def _without_shell(code: int) -> int:
    # The negative signal number for a shell's exit code: -9 for 137.
    return SHELL_SIGNALS - code if SHELL_SIGNALS < code < SHELL_SIGNALS + signal.NSIG else code
