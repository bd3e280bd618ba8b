"""What is tried next: never the same twice for one cause, never more than the budget, never what could do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.causes import CAUSES
from holter.records import Diagnosis, Episode, Plan, Verdict
from holter.remedies.ladder import (
    HEALS_A_RUN,
    HEALS_AN_HOUR,
    HEALS_WITHOUT_EPOCH,
    HELPED_OFTEN,
    LADDERS,
    STANDS_AFTER_S,
    STOP_AT_ONCE,
    WAIT_DEAD_S,
    WAIT_FOR,
    Attempt,
    Situation,
    next_plan,
)


def diagnosis(cause: str, verdict: str = "confirmed") -> Diagnosis:
    episode = Episode(kind="stall", start_s=0.0, alarm_s=10.0)
    return Diagnosis(episode=episode, verdicts=(Verdict(cause=cause, verdict=verdict, score=0.9),))


def situation(**changes) -> Situation:
    usual = Situation(t_s=100.0, alive=True, waits_for_batch=True, epoch=5, workers=12, can_continue=True)
    return usual._replace(**changes)


def play(cause: str, now: Situation, times: int) -> list[Plan]:
    """The plans one after the other, as if none of them helped."""
    history: tuple[Attempt, ...] = ()
    plans = []
    for number in range(times):
        plan = next_plan(diagnosis(cause), history, now._replace(t_s=100.0 + number))
        plans.append(plan)
        if plan.action in ("stop", "nothing", "wait"):
            break
        history = (*history, Attempt(now.t_s + number, plan, now.epoch))
    return plans


def test_a_frozen_worker_is_replaced_in_the_epoch_before_anything_is_restarted():
    plans = play("frozen-worker", situation(), 10)
    assert [plan.action for plan in plans] == ["replace-workers", "restart", "restart", "restart", "stop"]
    assert [plan.rung for plan in plans[:3]] == [1, 2, 3]
    assert plans[2].settings == (("HOLTER_SHARING", "file_system"),)
    assert plans[3].settings == (("nnUNet_n_proc_DA", "0"),)


def test_out_of_memory_deaths_lead_to_fewer_workers_and_at_last_to_none():
    plans = play("worker-killed", situation(alive=False, waits_for_batch=False), 10)
    assert [plan.settings for plan in plans[:3]] == [
        (),
        (("nnUNet_n_proc_DA", "6"),),
        (("nnUNet_n_proc_DA", "0"),),
    ]
    assert plans[-1].action == "stop"


def test_a_stall_that_nobody_can_name_is_touched_too_but_never_for_long():
    plan = next_plan(diagnosis("frozen-worker", "possible"), (), situation())
    assert (plan.action, plan.cause) == ("replace-workers", None)


@pytest.mark.parametrize("cause", WAIT_FOR)
def test_what_is_outside_our_reach_is_waited_for_and_costs_no_budget(cause):
    history = tuple(Attempt(99.0, Plan(action="restart", cause="x"), 5) for _ in range(HEALS_AN_HOUR))
    assert next_plan(diagnosis(cause), history, situation()).action == "wait"


@pytest.mark.parametrize("cause", ["cpu-starved-augmentation", "few-cores-allocated", "cgroup-cpu-quota", "not-stuck"])
def test_a_slow_training_is_left_alone(cause):
    assert next_plan(diagnosis(cause), (), situation()).action == "nothing"


@pytest.mark.parametrize("cause", STOP_AT_ONCE)
def test_what_would_happen_again_is_not_tried_again(cause):
    assert next_plan(diagnosis(cause), (), situation(alive=False)).action == "stop"


def test_a_command_that_cannot_be_continued_is_not_restarted():
    for cause in LADDERS:
        plan = next_plan(diagnosis(cause), (), situation(alive=False, waits_for_batch=False, can_continue=False))
        assert plan.action == "nothing"
        tried = (Attempt(90.0, Plan(action="replace-workers", cause=cause), 5),)
        assert next_plan(diagnosis(cause), tried, situation(can_continue=False)).action in (
            "nothing",
            "replace-workers",
        )


def test_the_ladder_begins_anew_when_the_training_has_gone_on_for_some_epochs():
    tried = (Attempt(90.0, Plan(action="replace-workers", cause="frozen-worker"), 5),)
    assert next_plan(diagnosis("frozen-worker"), tried, situation(epoch=5)).action == "restart"
    assert next_plan(diagnosis("frozen-worker"), tried, situation(epoch=7)).action == "replace-workers"


def test_what_helped_may_be_done_again_within_the_budget():
    tried = (Attempt(90.0, Plan(action="replace-workers", cause="frozen-worker"), 5, helped=True),)
    assert next_plan(diagnosis("frozen-worker"), tried, situation()).action == "replace-workers"
    often = tried * HEALS_AN_HOUR
    assert next_plan(diagnosis("frozen-worker"), often, situation(epoch=9)).reason == "budget-of-the-hour"


def test_what_helps_again_and_again_treats_the_symptom_and_the_next_rung_is_taken():
    tried = (Attempt(90.0, Plan(action="replace-workers", cause="frozen-worker"), 5, helped=True),) * HELPED_OFTEN
    assert next_plan(diagnosis("frozen-worker"), tried, situation()).action == "restart"


@pytest.mark.parametrize("cause", WAIT_FOR)
def test_what_is_outside_our_reach_and_ended_the_training_is_tried_later_and_later(cause):
    dead = situation(alive=False, waits_for_batch=False)
    first = next_plan(diagnosis(cause), (), dead)
    assert (first.action, first.delay_s) == ("restart", WAIT_DEAD_S)
    assert next_plan(diagnosis(cause), (Attempt(0.0, first, 5),), dead).delay_s == 2 * WAIT_DEAD_S


@pytest.mark.parametrize("cause", WAIT_FOR)
def test_what_is_over_and_still_stands_is_started_again_and_only_then(cause):
    for cleared_s, action in ((None, "wait"), (STANDS_AFTER_S - 1, "wait"), (STANDS_AFTER_S, "restart")):
        assert next_plan(diagnosis(cause), (), situation(cleared_s=cleared_s)).action == action
    tried = (Attempt(90.0, Plan(action="restart", cause=cause, rung=2), 5),)
    assert next_plan(diagnosis(cause), tried, situation(cleared_s=STANDS_AFTER_S)).action == "stop"


@pytest.mark.parametrize("cause", WAIT_FOR)
def test_waiting_leaves_the_budget_for_what_can_be_healed(cause):
    waited = tuple(Attempt(99.0, Plan(action="restart", cause=cause, rung=4), 5) for _ in range(HEALS_AN_HOUR))
    assert next_plan(diagnosis("frozen-worker"), waited, situation()).action == "replace-workers"


def test_heals_without_an_epoch_between_them_come_to_an_end():
    tried = tuple(
        Attempt(90.0, Plan(action="restart", cause=f"cause-{number}"), 5) for number in range(HEALS_WITHOUT_EPOCH)
    )
    assert next_plan(diagnosis("frozen-worker"), tried, situation()).reason == "no-progress"


histories = st.lists(
    st.builds(
        Attempt,
        st.floats(0, 10_000),
        st.builds(
            Plan,
            action=st.sampled_from(["replace-workers", "restart"]),
            cause=st.sampled_from([None, *LADDERS]),
            settings=st.sampled_from([(), (("nnUNet_n_proc_DA", "6"),), (("nnUNet_n_proc_DA", "0"),)]),
        ),
        st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=HEALS_A_RUN + 5,
).map(tuple)
situations = st.builds(
    Situation,
    st.floats(0, 10_000),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 9)),
    st.one_of(st.none(), st.integers(1, 48)),
    st.booleans(),
)


@given(st.sampled_from(sorted(CAUSES)), histories, situations)
def test_no_plan_breaks_a_law_whatever_went_before(cause, history, now):
    plan = next_plan(diagnosis(cause), history, now)
    if plan.action == "replace-workers":
        assert now.alive and now.waits_for_batch
    if plan.action == "restart":
        assert now.can_continue
    if plan.action in ("replace-workers", "restart") and cause not in WAIT_FOR:
        assert len(history) < HEALS_A_RUN
    if plan.action in ("replace-workers", "restart") and cause not in WAIT_FOR:
        assert sum(attempt.t_s > now.t_s - 3600 for attempt in history) < HEALS_AN_HOUR
        failed = [one for one in history if not one.helped]  # what helped may be done again
        recent = [one for one in failed if now.epoch is None or one.epoch is None or now.epoch - one.epoch < 2]
        same = [one.plan for one in recent if one.plan.cause == plan.cause]
        assert not any((one.action, one.settings) == (plan.action, plan.settings) for one in same)
    if plan.action == "wait":
        assert now.alive
    if plan.action == "stop":
        assert plan.reason and now.can_continue
