"""The process of a run that lives now: each second is recorded, signals reach it, and it can be ended."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import msgspec

from holter.history.fates import ASKED_TO_END as REQUEST
from holter.records import ActionTaken, Event, Noted, Plan, Text, Tick
from holter.sentences import as_fields, define
from holter.supervisor.adopted import Adopted
from holter.supervisor.healing.end_group import PROCESSES, end_group
from holter.supervisor.healing.scheduler_signals import SchedulerSignals
from holter.supervisor.recording.clock import TICK_S, RunClock
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.signals import SignalRelay

# Signals that ask the training to end.
ASKED_TO_END = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}

IN_KERNEL = define("act.in-kernel", "in the kernel (state D), cannot be ended: PID {pids}; waiting for them")
ASKED = define("note.asked-to-end", "{signal}: the training was asked to end")
PASSED_ON = define("note.signal-passed-on", "{signal} was sent to Holter, which passed it on to the training")


class CurrentProcess:
    """The training process that runs now. After a restart, the same object stands for the new process.

    ``child`` is the newest process; it may have ended already.
    """

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        relay: SignalRelay,
        recorder: Recorder,
        clock: RunClock,
        *,
        stopper: SchedulerSignals | None,
        each_tick: Callable[[Recorder, Tick], None] | None,
        on_tick: Callable[[Tick], None] | None,
    ) -> None:
        """``each_tick``, ``on_tick``: called with every tick; an exception of the second is only recorded."""
        self.child = child
        self.number = 0  # of the process within the run
        self.tick_s = TICK_S
        self._relay = relay
        self._recorder = recorder
        self._clock = clock
        self._stopper = stopper
        self._each_tick = each_tick
        self._on_tick = on_tick
        self._failure: str | None = None  # of on_tick
        self._next_s = time.monotonic()
        self._ending = False
        self._was_asked: set[int] = set()  # by which signals, as recorded
        self._adopted = Adopted()

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self.child.poll() is not None

    @property
    def is_asked_to_end(self) -> bool:
        """Whether a signal has asked the run to end."""
        return bool(self._relay.seen & ASKED_TO_END) or (self._stopper is not None and self._stopper.asked)

    # ------------------------------------------------------------------------------------------------- each second

    def step(self) -> Tick:
        """Record one tick, then wait until the next one is due, about a second later; return the recorded tick."""
        tick = self.tick()
        self.wait()
        return tick

    def tick(self) -> Tick:
        """Read the probes once, record the result, and pass it on; return it without waiting."""
        tick = self._recorder.safe_tick()
        if self._stopper is not None and any(_is_failed_stop(event) for event in tick.events):
            self._stopper.asked = False  # the training goes on, and may be healed and asked again
        if self._each_tick is not None:
            self._each_tick(self._recorder, tick)
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
        self._next_s = min(max(self._next_s + self.tick_s, now_s), now_s + self.tick_s)
        return tick

    def wait(self) -> None:
        """Wait for the next tick, or until the process ends; pass signals on. A stop that is overdue ends it."""
        while self._relay.wait(self._next_s, self._pass_on) and not self.has_ended:
            pass
        self._record_request()
        late = self._stopper is not None and self._stopper.is_late
        if late and not self._ending and not self.has_ended:
            self.end(Plan(action="stop", reason="asked-to-stop"))

    def _record_request(self) -> None:
        # What is broken now was not over: somebody ends it.
        asked = self._relay.seen & ASKED_TO_END
        for number in sorted(asked - self._was_asked):
            message = ASKED(signal=signal.Signals(number).name)
            self._recorder.add(Noted(t_s=self._clock.t_s(), what=REQUEST, message=message))
        self._was_asked = asked

    def _pass_on(self, number: int) -> None:
        if self._stopper is None or not self._stopper.take(number, self.number):
            self.child.send_signal(number)
            name = signal.Signals(number).name
            self._recorder.add(Noted(t_s=self._clock.t_s(), what="signal-passed-on", message=PASSED_ON(signal=name)))

    # ---------------------------------------------------------------------------------------------------- its end

    def end(self, plan: Plan) -> None:
        """End the training process and all that it started, and record this as an action of ``plan``.

        Processes that the kernel cannot end yet (state D) are waited for, until a signal asks the run to end.
        """
        pids = tuple(sorted(self._recorder.sources.living | {self.child.pid}))
        action = ActionTaken(
            t_s=self._clock.t_s(),
            action="end-group",
            state="begun",
            message=PROCESSES(count=len(pids)),
            cause=plan.cause,
            pids=pids,
            generation=self.number,
        )
        self._ending = True
        self._recorder.act(action)
        self._recorder.safe_tick()  # the detectors must know before it happens
        left = self.end_unrecorded()
        if left:
            failed = msgspec.structs.replace(
                action, t_s=self._clock.t_s(), state="failed", message=IN_KERNEL(pids=left)
            )
            self._recorder.act(failed)
        while not self.has_ended and not self.is_asked_to_end:
            self.step()
        self._ending = False
        if self.has_ended:
            self._recorder.act(msgspec.structs.replace(action, t_s=self._clock.t_s(), state="done"))

    def end_unrecorded(self) -> tuple[int, ...]:
        """End the process and all that it started, without a record; return the PIDs that could not be ended."""
        return end_group(self.child, lambda: self._recorder.sources.living)

    def act(self, action: str, state: str, message: Text, plan: Plan) -> None:
        """Record and report one state of an action."""
        self._recorder.act(
            ActionTaken(
                t_s=self._clock.t_s(),
                action=action,
                state=state,  # type: ignore[arg-type]
                **as_fields(message),
                cause=plan.cause,
                generation=self.number,
            )
        )


def _is_failed_stop(event: Event) -> bool:
    return isinstance(event, ActionTaken) and (event.action, event.state, event.source) == ("stop", "failed", "hook")
