"""From diagnoses to actions: when to act, and on what. The run loop carries out restarts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from holter.causes import stated
from holter.causes.steps import Settings, Situation
from holter.evidence.facts.training.stuck_place import PERSON
from holter.history.ranks import main_beat, working
from holter.records import ActionTaken, Diagnosis, Episode, Plan, Tick
from holter.remedies.ladder import OUTSIDE_RUNG, WAITS, budget_is_over, next_plan
from holter.remedies.which_ladder import known_facts
from holter.sentences import define
from holter.supervisor.healing.attempts import Attempts
from holter.supervisor.healing.control import NOT_ASKED, Control
from holter.supervisor.healing.external_wait import ExternalWait
from holter.supervisor.healing.hook_heals import HookHeals
from holter.supervisor.healing.main_hang import MainHang
from holter.supervisor.healing.training_state import TrainingState, is_time
from holter.supervisor.run_activity import RunActivity

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
    """When a training was last left alone because it could not be continued, and when to decide again."""

    steps: int | None  # steps done at that time
    for_s: float
    until_s: float  # time of the next decision


class Healer:
    """Decides at every tick whether to act. If ``act`` is False, actions are only proposed, once for each diagnosis.

    ``settings``: the variables that the user has set, of those that a ladder may change. ``is_own``: the user has named
    the command that continues the training, so the training may be any program, perhaps without a heartbeat.
    ``activity``: what no tick shows; without it a transfer in a thread seems to be idle.
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
        activity: RunActivity | None = None,
    ) -> None:
        self.attempts = Attempts(say)
        self._control = control
        self.acts = act  # actions are carried out, not only proposed
        self._can_continue = can_continue
        self._settings = settings
        self.state = TrainingState(is_own=is_own)
        self._main_hang = MainHang(say, limit_s=main_limit_s, off=not (main_heal and act), activity=activity)
        self._has_limit = main_limit_s is not None
        self.waiting = ExternalWait(say)
        self._hook_heals = HookHeals(say)
        self._left: LeftAlone | None = None
        self._answer: ActionTaken | None = None  # the hook's first one to the last request

    @property
    def lacks_command(self) -> bool:
        """Return whether Holter may act, but knows no command that restarts the training."""
        return self.acts and not self._can_continue

    # -------------------------------------------------------------------------------------------------- a live training

    def see(self, tick: Tick, episodes: tuple[Episode, ...], diagnoses: tuple[Diagnosis, ...]) -> Plan | None:
        """Process a tick of a live training; return a plan to carry out now (restart, stop), or None."""
        self.waiting.update(tick)
        self._main_hang.see(tick)
        moved = self.state.see(tick)
        if any(self._is_ours(episode) and episode.kind == "stall" for episode in episodes):
            self.state.progress.disturb()
        self._hook_heals.see(tick, moved=moved, worked_s=self.state.worked_s)
        if self._awaits_effect(tick, moved=moved):
            return None
        open_ones = [episode for episode in episodes if self._is_ours(episode)]
        diagnosis_of = {diagnosis.episode.identity: diagnosis for diagnosis in diagnoses}
        judged = [(episode, diagnosis_of.get(episode.identity)) for episode in open_ones]
        plans = [
            next_plan(diagnosis, self.attempts.history, self._situation(tick, diagnosis)) for _, diagnosis in judged
        ]
        if not self.waiting.is_for(plans) and all(diagnosis is not None for _, diagnosis in judged):
            self.waiting.is_over(tick.t_s)
        for plan, (episode, diagnosis) in zip(plans, judged, strict=True):
            self.attempts.remember_request(plan, diagnosis)
            if plan.action == "wait":
                self._take(plan, tick)
            elif is_time(self.state, episode, diagnosis, tick):
                if self.waiting.is_for([plan]):
                    self.waiting.is_over(tick.t_s)
                if plan.action != "nothing":
                    return self._take(plan, tick)
        return self._after_long(judged, plans, tick)

    def begin_wait(self, plan: Plan, t_s: float) -> None:
        """Report that a restart waits for an outside condition, with the request to the administrator."""
        if plan.rung == OUTSIDE_RUNG:
            self.waiting.begin(self.attempts.action(msgspec.structs.replace(plan, action="wait"), t_s, "begun"))

    def leave_alone(self) -> None:
        """Remove the last plan, and do not end the training for now, because it could not be continued.

        The decision is repeated after growing intervals: the file server may answer again by then.
        """
        self.attempts.withdraw()
        again = self._left is not None and self._left.steps == self.state.steps
        for_s = min(2 * self._left.for_s, TRY_AGAIN_MOST_S) if again and self._left else TRY_AGAIN_S
        self._left = LeftAlone(self.state.steps, for_s, (self.state.seen_s or 0.0) + for_s)

    # -------------------------------------------------------------------------------------------- between two processes

    def begin(self, restart: ActionTaken) -> None:
        """Start with a new process of the training: reset everything except the history of what was tried."""
        self.waiting.forget()
        self._hook_heals.forget()
        self._main_hang.forget(restart.generation)
        self.state.begin()
        self._left = None
        self.attempts.begin(restart)

    def after_good_end(self, t_s: float) -> None:
        """Record success for a restart whose process ended without an error before its result was known."""
        awaited = self.attempts.awaited
        if awaited is not None and awaited.action == "restart":
            self.attempts.settle(t_s, "done", ENDED_WELL(after=t_s - awaited.t_s))

    def after_end(self, t_s: float, diagnoses: tuple[Diagnosis, ...]) -> Plan:
        """Return what to do after an unexpected end of the main process.

        A process that never made a step is not started again: an option or a path is wrong, and it would fail again.
        """
        if not self.state.has_trained:
            return Plan(action="nothing", reason="ended-too-soon" if self.state.expects_no_beat else "never-trained")
        awaited = self.attempts.awaited
        if awaited is not None and awaited.action == "restart" and awaited.settings:
            self.attempts.settle(t_s, "failed", TAKEN_BACK())
            self.attempts.taken_back()
        # The training survived earlier deaths of workers; only episodes of the last moments explain this end. From its
        # exception to its end a main process may take a minute: the episode is over with that end, and not, as one that
        # was survived, with the next progress.
        recent = [each for each in diagnoses if t_s - self._last_moment_s(each.episode) < LAST_MOMENTS_S]
        diagnosis = recent[-1] if recent else None
        now = Situation(
            t_s, False, False, self.state.epoch, self.state.workers, self._can_continue, in_force=self._settings
        )
        plan = next_plan(diagnosis, self.attempts.history, now)
        self.attempts.remember_request(plan, diagnosis)
        if not self.acts:
            self.attempts.propose_action(plan, t_s)
            return Plan(action="nothing")
        if plan.action == "restart":
            self.attempts.add(plan, t_s, self.state.epoch)
        return plan

    def _last_moment_s(self, death: Episode) -> float:
        moved_s = self.state.progress.at_s or 0.0
        return death.alarm_s if death.end_s is None or death.end_s <= moved_s else death.end_s

    # ------------------------------------------------------------------------------------------------------ when to act

    def _is_ours(self, episode: Episode) -> bool:
        return episode.end_s is None and episode.kind in ACTED_ON and episode.generation == self.attempts.generation

    def _awaits_effect(self, tick: Tick, *, moved: bool) -> bool:
        # Settles the last action; True while workers were asked for a moment ago.
        awaited = self.attempts.awaited
        if awaited is None:
            return False
        after_s = tick.t_s - awaited.t_s
        answers = (event for event in tick.events if isinstance(event, ActionTaken) and _answers(event, awaited))
        self._answer = self._answer or next(answers, None)
        if awaited.action == "restart":
            if (moved or not self.state.progress.has_beat) and self.state.is_at_work(tick):
                at_work = (
                    AT_WORK(after=after_s)
                    if self.state.epoch is None
                    else AT_WORK_AGAIN(epoch=self.state.epoch, after=after_s)
                )
                self.attempts.settle(tick.t_s, "done", at_work)
                if not self.state.progress.has_beat:  # no epochs will show that it helped
                    self.attempts.helped()
        elif moved and self._answer is not None and self._answer.state == "failed":  # the batch came by itself
            self.attempts.settle(tick.t_s, "failed", self._answer.said)
            self.state.progress.unlearn()
            self.attempts.withdraw()
        elif moved:
            self.attempts.settle(tick.t_s, "done", GOES_ON(after=after_s))
            self.state.progress.unlearn()
            self.attempts.helped()
        elif after_s < WORKS_WITHIN_S:
            return True
        else:
            self.attempts.settle(tick.t_s, "failed", NOTHING_MOVED(age=WORKS_WITHIN_S))
        return False

    def _after_long(
        self, judged: Sequence[tuple[Episode, Diagnosis | None]], plans: Sequence[Plan], tick: Tick
    ) -> Plan | None:
        # A stall without a ladder is ended after a long time without any activity, and announced before.
        # Not before the first step, which may wait for another fold, and not after the training is finished. A user's
        # limit needs no stall: a computing main process is detected as stalled late, or never.
        beat = main_beat(tick)
        if beat is None or beat.phase == "shutdown" or not (self.state.steps or self._has_limit):
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
            if not self._has_limit and known_facts(diagnosis).get("main.stands_in") == PERSON:
                continue  # an answer may take hours, and a debugger shows what would be lost
            now = self._situation(tick, diagnosis)
            if now.can_continue and now.may_end and self._main_hang.is_due(tick):
                over = budget_is_over(self.attempts.history, now)
                action: Literal["stop", "restart"] = "stop" if over is not None else "restart"
                return self._take(Plan(action=action, cause=plan.cause, rung=2, reason=over or MAIN_HANGS), tick)
        return None

    def _situation(self, tick: Tick, diagnosis: Diagnosis | None) -> Situation:
        waits = any(beat.waits_for in ("train-batch", "val-batch") for beat in working(tick.beats))
        cause = diagnosis.verdicts[0].cause if diagnosis is not None and diagnosis.verdicts else None
        return Situation(
            tick.t_s,
            True,
            waits,
            self.state.epoch,
            self.state.workers,
            self._can_continue,
            may_end=self._left is None or self._left.steps != self.state.steps or tick.t_s >= self._left.until_s,
            in_force=self._settings,
            cleared_s=self.waiting.cleared_s(cause, tick.t_s),
            # If Holter acts, the hook is asked: it knows which of several loaders waits.
            can_replace=self.acts or not self.state.refuses,
        )

    # ------------------------------------------------------------------------------------------------------- what to do

    def _take(self, plan: Plan, tick: Tick) -> Plan | None:
        if plan.action == "wait" and self.acts:
            self._wait(plan, tick.t_s)
            return None
        if not self.acts:
            self.attempts.propose_action(plan, tick.t_s)
        if plan.action == "nothing" or not self.acts:
            return None
        self.attempts.add(plan, tick.t_s, self.state.epoch)
        if plan.action != "replace-workers":
            return plan
        self._answer = None
        request = self._control.ask("replace-workers", plan.cause or "", self.attempts.generation)
        begun = self.attempts.action(plan, tick.t_s, "begun", WAITS())
        self.attempts.start(msgspec.structs.replace(begun, request=request))
        if request is None:
            self.attempts.settle(tick.t_s, "failed", NOT_ASKED())
        return None

    def _wait(self, plan: Plan, t_s: float) -> None:
        # Outside our reach: save at the next safe point, and go on when it clears; no budget is used.
        if not self.waiting.is_on:
            self.waiting.begin(self.attempts.action(plan, t_s, "begun"))
            self._control.ask("checkpoint", plan.cause or "", self.attempts.generation)


def _answers(event: ActionTaken, awaited: ActionTaken) -> bool:
    return event.source == "hook" and event.request is not None and event.request == awaited.request
