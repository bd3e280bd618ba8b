"""From diagnoses to actions: when to act, what was tried, and the result. The run loop carries out restarts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from holter.causes import stated
from holter.causes.steps import Settings, Situation
from holter.detectors import identity
from holter.detectors.view import is_held
from holter.history.ranks import main_beat, working
from holter.records import ActionTaken, Diagnosis, Episode, Message, Plan, Tick, Value
from holter.remedies.admin_request import asked
from holter.remedies.ladder import OUTSIDE_RUNG, WAITS, Attempt, budget_is_over, next_plan, reason_of, settings_in_force
from holter.sentences import as_fields, define
from holter.supervisor.healing.control import NOT_ASKED, Control
from holter.supervisor.healing.external_wait import ExternalWait
from holter.supervisor.healing.main_hang import MainHang
from holter.supervisor.healing.training_state import TrainingState

# Two signs before any action: an episode, and a quiet main process.
# The hook replaces dead workers by itself within seconds; a user may be inspecting a stall without a known cause.
HOOK_FIRST_S = 15.0
# Without a cause, a stalled training is touched only if it waits for another process of nnU-Net: a slow start from a
# network disk, or a user's upload at the end of an epoch, looks the same from outside. Nor while workers compute: a
# giant case takes minutes.
NAMELESS_S = 60.0
# By cause; without any, nothing is waited for.
PATIENCE_S: dict[str, float] = stated("PATIENCE_S")
# An action within the epoch has failed if there is no progress for this long after it.
WORKS_WITHIN_S = 20.0
LAST_MOMENTS_S = 30.0
# A training that cannot be continued is left alone; its checkpoints may become readable later.
TRY_AGAIN_S = 300.0
TRY_AGAIN_MOST_S = 3600.0
MAIN_HANGS = "main-hangs"
FINISHED = tuple(stated("IS_FINISHED"))
ACTED_ON = ("stall", "death", "slow-down", "unsaved")

AT_WORK_AGAIN = define("act.at-work-again", "epoch {epoch}, {after:.0f} s after the restart")
AT_WORK = define("act.at-work", "{after:.0f} s after the restart")
ENDED_WELL = define("act.ended-well", "it ended without an error, {after:.0f} s after the restart")
GOES_ON = define("act.goes-on", "the training goes on after {after:.0f} s")
NOTHING_MOVED = define("act.nothing-moved", "nothing has moved for {age:.0f} s")
TAKEN_BACK = define("act.taken-back", "it ended before it trained; the settings are taken back")


class LeftAlone(NamedTuple):
    """A training that was not ended because it could not be continued."""

    steps: int | None  # steps done at that time
    for_s: float
    until_s: float  # time of the next decision


class Healer:
    """Decides at every tick. ``act`` False: actions are only proposed, once for each diagnosis.

    ``settings``: those of the ladder's variables that the user has set. ``is_own``: the user has named the command that
    continues the training, so it may be any program, without a heartbeat.
    """

    def __init__(
        self,
        control: Control,
        say: Callable[[ActionTaken], None],
        *,
        act: bool,
        can_continue: bool,
        is_own: bool = False,
        settings: Settings = (),
        main_limit_s: float | None = None,
        main_heal: bool = True,
    ) -> None:
        self.history: tuple[Attempt, ...] = ()
        self.generation = 0
        self._control = control
        self._say = say
        self._act = act
        self._can_continue = can_continue
        self._settings = settings
        self._state = TrainingState(is_own=is_own)
        self._main_hang = MainHang(say, limit_s=main_limit_s, off=not (main_heal and act))
        self._has_limit = main_limit_s is not None
        self._pending: ActionTaken | None = None
        self.waiting = ExternalWait(say)
        self._asks: dict[str | None, tuple[tuple[str, Value], ...]] = {}  # cause -> values of its request
        self._proposed: set[tuple[str | None, str]] = set()
        self._left: LeftAlone | None = None

    def begin(self, restart: ActionTaken) -> None:
        """Start with a new process: everything except the history is reset."""
        self.generation = restart.generation
        self.waiting.forget()
        self._main_hang.forget(restart.generation)
        self._state.begin()
        self._left = None
        self._pending = restart

    @property
    def epoch(self) -> int | None:
        """The last epoch that was seen."""
        return self._state.epoch

    @property
    def settings(self) -> Settings:
        """Settings for the next process."""
        return settings_in_force(self.history)

    def withdraw(self) -> None:
        """Remove the last plan: it is not carried out."""
        self.history = self.history[:-1]

    def leave_alone(self) -> None:
        """Remove the last plan, and do not end the training until it moves on: ending it would lose everything.

        A share may answer again, so the decision is repeated, with growing intervals.
        """
        self.withdraw()
        again = self._left is not None and self._left.steps == self._state.steps
        for_s = min(2 * self._left.for_s, TRY_AGAIN_MOST_S) if again and self._left else TRY_AGAIN_S
        self._left = LeftAlone(self._state.steps, for_s, (self._state.seen_s or 0.0) + for_s)

    def see(self, tick: Tick, episodes: tuple[Episode, ...], diagnoses: tuple[Diagnosis, ...]) -> Plan | None:
        """Process a tick of a live training; return a plan to carry out now (restart, stop), or None."""
        self.waiting.update(tick)
        self._main_hang.see(tick)
        moved = self._state.see(tick)
        if self._awaits_effect(tick, moved=moved):
            return None
        open_ones = [episode for episode in episodes if self._is_ours(episode)]
        diagnosis_of = {identity(diagnosis.episode): diagnosis for diagnosis in diagnoses}
        judged = [(episode, diagnosis_of.get(identity(episode))) for episode in open_ones]
        plans = [next_plan(diagnosis, self.history, self._situation(tick, diagnosis)) for _, diagnosis in judged]
        if not self.waiting.is_for(plans) and all(diagnosis is not None for _, diagnosis in judged):
            self.waiting.is_over(tick.t_s)
        for plan, (episode, diagnosis) in zip(plans, judged, strict=True):
            self._asks[plan.cause] = asked(diagnosis, plan.cause)
            if plan.action == "wait":
                self._take(plan, tick)
            elif self._is_time(episode, diagnosis, tick):
                if self.waiting.is_for([plan]):
                    self.waiting.is_over(tick.t_s)
                if plan.action != "nothing":
                    return self._take(plan, tick)
        return self._after_long(judged, plans, tick)

    def _awaits_effect(self, tick: Tick, *, moved: bool) -> bool:
        # Settles the last action; True while workers were asked for a moment ago.
        if self._pending is None:
            return False
        after_s = tick.t_s - self._pending.t_s
        if self._pending.action == "restart":
            if (moved or not self._state.progress.has_beat) and self._state.is_at_work(tick):
                at_work = (
                    AT_WORK(after=after_s) if self.epoch is None else AT_WORK_AGAIN(epoch=self.epoch, after=after_s)
                )
                self._settle(tick.t_s, "done", at_work)
                if not self._state.progress.has_beat:  # no epochs will show that it helped
                    self.history = (*self.history[:-1], self.history[-1]._replace(helped=True))
        elif moved:
            self._settle(tick.t_s, "done", GOES_ON(after=after_s))
            self._state.progress.unlearn()
            self.history = (*self.history[:-1], self.history[-1]._replace(helped=True))
        elif after_s < WORKS_WITHIN_S:
            return True
        else:
            self._settle(tick.t_s, "failed", NOTHING_MOVED(age=WORKS_WITHIN_S))
        return False

    def _after_long(
        self, judged: Sequence[tuple[Episode, Diagnosis | None]], plans: Sequence[Plan], tick: Tick
    ) -> Plan | None:
        # A stall without a ladder is ended after a long time without any activity, and announced before.
        # Not before the first step, which may wait for another fold, and not after the training is finished. A user's
        # limit needs no stall: a computing main process is detected as stalled late, or never.
        beat = main_beat(tick)
        if beat is None or beat.phase == "shutdown" or not (self._state.steps or self._has_limit):
            return None
        stalls = [
            (diagnosis, plan)
            for (episode, diagnosis), plan in zip(judged, plans, strict=True)
            if episode.kind == "stall"
        ]
        if self._has_limit and not stalls and not any(plan.action == "wait" for plan in plans):
            stalls = [(None, Plan(action="nothing"))]
        for diagnosis, plan in stalls:
            if plan.action in ("wait", "replace-workers") or plan.cause in FINISHED:
                continue
            now = self._situation(tick, diagnosis)
            if now.can_continue and now.may_end and self._main_hang.is_due(tick):
                over = budget_is_over(self.history, now)
                action: Literal["stop", "restart"] = "stop" if over is not None else "restart"
                return self._take(Plan(action=action, cause=plan.cause, rung=2, reason=over or MAIN_HANGS), tick)
        return None

    def _is_ours(self, episode: Episode) -> bool:
        return episode.end_s is None and episode.kind in ACTED_ON and episode.generation == self.generation

    def _is_time(self, episode: Episode, diagnosis: Diagnosis | None, tick: Tick) -> bool:
        # Two signs must agree, and the hook must have had its chance to repair it.
        if is_held(tick):
            return False
        waited_s = tick.t_s - episode.alarm_s
        stands_still = episode.kind in ("stall", "death") and self._state.is_quiet(tick)
        if episode.kind == "death" and self._state.progress.longest_step_s is None:
            # During start-up a missing step means nothing: the second sign is a wait for the dead workers.
            stands_still = stands_still and any(beat.waits_for != "none" for beat in working(tick.beats))
        return stands_still and waited_s >= self._patience_s(episode, diagnosis, tick)

    def after_good_end(self, t_s: float) -> None:
        """Settle a restart of a process that has ended without an error before it counted as training."""
        if self._pending is not None and self._pending.action == "restart":
            self._settle(t_s, "done", ENDED_WELL(after=t_s - self._pending.t_s))

    def after_end(self, t_s: float, diagnoses: tuple[Diagnosis, ...]) -> Plan:
        """Return what to do after an unexpected end of the main process.

        If it never reached a step, it was started wrongly (an option, a path) and would end like that again.
        """
        if not self._state.has_trained:
            return Plan(action="nothing", reason="ended-too-soon" if self._state.expects_no_beat else "never-trained")
        if self._pending is not None and self._pending.action == "restart" and self._pending.settings:
            self._settle(t_s, "failed", TAKEN_BACK())
            self.history = (*self.history[:-1], self.history[-1]._replace(taken_back=True))
        # The training survived earlier deaths of workers; only episodes of the last moments explain this end.
        recent = [each for each in diagnoses if t_s - each.episode.alarm_s < LAST_MOMENTS_S]
        diagnosis = recent[-1] if recent else None
        now = Situation(t_s, False, False, self.epoch, self._state.workers, self._can_continue, in_force=self._settings)
        plan = next_plan(diagnosis, self.history, now)
        self._asks[plan.cause] = asked(diagnosis, plan.cause)
        if not self._act:
            self._propose(plan, t_s)
            return Plan(action="nothing")
        if plan.action == "restart":
            self.history = (*self.history, Attempt(t_s, plan, self.epoch))
        return plan

    @property
    def acts(self) -> bool:
        """Whether it acts, rather than only proposes."""
        return self._act

    @property
    def lacks_command(self) -> bool:
        """Whether it would restart the training but has no command for it."""
        return self._act and not self._can_continue

    def begin_wait(self, plan: Plan, t_s: float) -> None:
        """Report that a restart waits for an outside condition, with the request to the administrator."""
        if plan.rung == OUTSIDE_RUNG:
            self.waiting.begin(self._taken(msgspec.structs.replace(plan, action="wait"), t_s, "begun"))

    def _patience_s(self, episode: Episode, diagnosis: Diagnosis | None, tick: Tick) -> float:
        if episode.kind == "death":
            return HOOK_FIRST_S
        if diagnosis is None or not diagnosis.verdicts or diagnosis.verdicts[0].verdict == "possible":
            waits = any(beat.waits_for != "none" for beat in working(tick.beats))
            works = self._state.worked_s is not None and tick.t_s - self._state.worked_s < NAMELESS_S
            return NAMELESS_S if waits and not works else math.inf
        return PATIENCE_S.get(diagnosis.verdicts[0].cause, 0.0)

    def _situation(self, tick: Tick, diagnosis: Diagnosis | None) -> Situation:
        waits = any(beat.waits_for in ("train-batch", "val-batch") for beat in working(tick.beats))
        cause = diagnosis.verdicts[0].cause if diagnosis is not None and diagnosis.verdicts else None
        return Situation(
            tick.t_s,
            True,
            waits,
            self.epoch,
            self._state.workers,
            self._can_continue,
            may_end=self._left is None or self._left.steps != self._state.steps or tick.t_s >= self._left.until_s,
            in_force=self._settings,
            cleared_s=self.waiting.cleared_s(cause, tick.t_s),
        )

    def _take(self, plan: Plan, tick: Tick) -> Plan | None:
        if plan.action == "wait" and self._act:
            self._wait(plan, tick.t_s)
            return None
        if not self._act:
            self._propose(plan, tick.t_s)
        if plan.action == "nothing" or not self._act:
            return None
        self.history = (*self.history, Attempt(tick.t_s, plan, self.epoch))
        if plan.action != "replace-workers":
            return plan
        self._pending = self._taken(plan, tick.t_s, "begun", WAITS())
        self._say(self._pending)
        if not self._control.ask("replace-workers", plan.cause or "", self.generation):
            self._settle(tick.t_s, "failed", NOT_ASKED())
        return None

    def _settle(self, t_s: float, state: str, message: Message) -> None:
        if self._pending is not None:
            self._say(msgspec.structs.replace(self._pending, t_s=t_s, state=state, **as_fields(message)))
            self._pending = None

    def _wait(self, plan: Plan, t_s: float) -> None:
        # Outside our reach: save at the next safe point, and go on when it clears; no budget is used.
        if not self.waiting.is_on:
            self.waiting.begin(self._taken(plan, t_s, "begun"))
            self._control.ask("checkpoint", plan.cause or "", self.generation)

    def _propose(self, plan: Plan, t_s: float) -> None:
        # Reported once.
        key = (plan.cause, plan.action)
        if plan.action != "nothing" and key not in self._proposed:
            self._proposed.add(key)
            self._say(self._taken(plan, t_s, "proposed"))

    def _taken(self, plan: Plan, t_s: float, state: str, message: Message | None = None) -> ActionTaken:
        return ActionTaken(
            t_s=t_s,
            action=plan.action,
            state=state,  # type: ignore[arg-type]
            message=message or reason_of(plan),
            cause=plan.cause,
            settings=plan.settings,
            asks=self._asks.get(plan.cause, ()) if plan.action == "wait" else (),
            generation=self.generation,
        )
