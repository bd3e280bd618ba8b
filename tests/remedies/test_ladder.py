"""What is tried next: never the same twice for one cause, never more than the budget, never what could do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.causes import CAUSES
from holter.causes.lacking import CHOICES
from holter.causes.steps import NAMES, Situation
from holter.records import Diagnosis, Episode, Fact, Plan, Verdict
from holter.remedies.ladder import (
    HEALS_A_RUN,
    HEALS_AN_HOUR,
    HEALS_WITHOUT_EPOCH,
    HELPED_OFTEN,
    STANDS_AFTER_S,
    STOP_AT_ONCE,
    WAIT_DEAD_S,
    WAIT_FOR,
    Attempt,
    next_plan,
    settings_in_force,
)
from holter.remedies.which_ladder import LADDERS


def diagnosis(cause: str, verdict: str = "confirmed", **facts) -> Diagnosis:
    episode = Episode(kind="stall", start_s=0.0, alarm_s=10.0)
    return Diagnosis(
        episode=episode,
        verdicts=(Verdict(cause=cause, verdict=verdict, score=0.9),),
        facts=tuple(Fact(name=name.replace("__", "."), value=value) for name, value in facts.items()),
    )


def situation(**changes) -> Situation:
    usual = Situation(t_s=100.0, alive=True, waits_for_batch=True, epoch=5, workers=12, can_continue=True)
    return usual._replace(**changes)


def play(cause: str, now: Situation, times: int, **facts) -> list[Plan]:
    """The plans one after the other, as if none of them helped."""
    history: tuple[Attempt, ...] = ()
    plans = []
    for number in range(times):
        plan = next_plan(diagnosis(cause, **facts), history, now._replace(t_s=100.0 + number))
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


def test_deaths_that_nobody_can_explain_lead_to_fewer_workers_and_at_last_to_none():
    plans = play("worker-killed", situation(alive=False, waits_for_batch=False), 10)
    assert [plan.settings for plan in plans[:3]] == [
        (),
        (("nnUNet_n_proc_DA", "6"),),
        (("nnUNet_n_proc_DA", "0"),),
    ]
    assert plans[-1].action == "stop"


DEAD = {"alive": False, "waits_for_batch": False}
N_PROC = "nnUNet_n_proc_DA"


def told(plans: list[Plan]) -> list[dict[str, str]]:
    return [dict(plan.settings) for plan in plans if plan.action == "restart"]


def test_a_want_of_memory_leads_to_fewer_workers_and_batches():
    less = {N_PROC: "6", "HOLTER_CACHED_BATCHES": "2"}
    for cause in ("worker-killed", "external-kill"):
        plans = play(cause, situation(**DEAD), 10, oom__kills=1, worker__exit_signal=9)
        assert told(plans) == [{}, less, {N_PROC: "0"}]


def test_a_full_dev_shm_leads_to_fewer_batches_first():
    plans = play("worker-killed", situation(), 10, worker__exit_signal=7)
    assert plans[0].action == "replace-workers"
    assert told(plans) == [{"HOLTER_CACHED_BATCHES": "2"}, {N_PROC: "6"}, {N_PROC: "0"}]


@pytest.mark.parametrize("number", [4, 6, 11])
def test_a_native_crash_leads_to_workers_that_are_not_forked_and_have_no_threads(number):
    plans = play("worker-killed", situation(), 10, worker__exit_signal=number)
    again, other, alone = told(plans)
    assert (again, alone) == ({}, {N_PROC: "0"})
    assert (other["HOLTER_START_METHOD"], other["OMP_NUM_THREADS"]) == ("forkserver", "1")


def test_without_descriptors_tensors_go_through_files():
    first = "RuntimeError: received 0 items of ancdata"
    for cause in ("worker-exception", "main-exception"):
        assert told(play(cause, situation(**DEAD), 2, exception__first=first))[0] == {"HOLTER_SHARING": "file_system"}


def test_a_loader_of_holters_that_ends_the_training_twice_is_done_without():
    first = "LoaderFailed: a thread of the data loader met RuntimeError: CUDA out of memory. Too many open files"
    plans = play("main-exception", situation(**DEAD), 9, exception__first=first)
    assert told(plans) == [{}, {"HOLTER_LOADER": "stock"}]
    assert plans[-1].action == "stop"
    without = situation(**DEAD, in_force=(("HOLTER_LOADER", "stock"),))
    assert told(play("main-exception", without, 9, exception__first=first)) == [{}]


@pytest.mark.parametrize("cause", ["main-exception", "worker-exception", "no-such-cause"])
def test_a_case_at_which_the_user_wants_to_stop_is_no_reason_for_a_restart(cause):
    first = "CaseUnreadable: case c_1 cannot be read: /data/c_1.b2nd: cut short"
    plan = play(cause, situation(**DEAD), 9, exception__first=first)[0]
    assert (plan.action, plan.reason) == ("stop", "it-would-happen-again")


def test_a_command_line_that_was_refused_is_not_tried_again():
    plan = play("main-exception", situation(**DEAD), 9, exception__first="ArgumentError: unrecognized arguments: -o")[0]
    assert (plan.action, plan.reason) == ("stop", "it-would-happen-again")


@pytest.mark.parametrize("cause", ["results-folder-gone", "read-only-data"])
def test_what_would_begin_again_or_crash_again_is_stopped(cause):
    plan = play(cause, situation(**DEAD), 9)[0]
    assert (plan.action, plan.reason) == ("stop", "it-would-happen-again")


def test_a_gpu_without_memory_is_no_reason_for_fewer_workers():
    first = "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB; Cannot allocate memory"
    assert told(play("main-exception", situation(**DEAD), 9, exception__first=first)) == [{}, {"nnUNet_compile": "f"}]


def test_a_compiler_that_is_missing_is_done_without_at_once():
    assert told(play("compile-toolchain-broken", situation(**DEAD), 9)) == [{"nnUNet_compile": "f"}]


@pytest.mark.parametrize(
    "cause", ["cuda-device-assert", "gpu-driver-mismatch", "container-lost-gpu", "gpu-lost-or-gsp"]
)
def test_what_another_start_does_not_mend_is_tried_once(cause):
    assert told(play(cause, situation(**DEAD), 9)) == [{}]


@pytest.mark.parametrize("cause", ["compile-warmup", "gpu-oom-cpu-fallback", "gpu-slow-kernels-software"])
def test_what_only_takes_its_time_is_left_alone(cause):
    assert [plan.action for plan in play(cause, situation(), 1)] in ([], ["nothing"])


def test_named_files_are_not_chosen_where_there_is_no_room_for_them():
    plans = play("frozen-worker", situation(), 9, shm__total_bytes=64 << 20, shm__used_ratio=0.1)
    assert told(plans) == [{}, {N_PROC: "0"}]


def test_more_workers_than_cpus_come_down_to_the_cpus_where_nobody_knows_better():
    now = situation(**DEAD, workers=12)
    assert told(play("no-such-cause", now, 9, cpu__effective=3.5)) == [{}, {N_PROC: "3"}, {N_PROC: "0"}]
    assert told(play("no-such-cause", now, 9, cpu__effective=16.0)) == [{}, {N_PROC: "0"}]


def test_workers_that_all_sleep_without_a_known_cause_are_not_forked_next_time():
    now = situation(waits_for_batch=True)
    plans = play("frozen-worker", now, 1)
    history = (Attempt(90.0, plans[0], 5), Attempt(91.0, Plan(action="restart"), 5))
    history = tuple(attempt._replace(plan=Plan(action=attempt.plan.action)) for attempt in history)
    sleeping = diagnosis("worker-killed", "possible", workers__working=0, main__waits_on="batch-queue")
    assert dict(next_plan(sleeping, history, now).settings)["HOLTER_START_METHOD"] == "forkserver"
    busy = diagnosis("worker-killed", "possible", workers__working=2, main__waits_on="batch-queue")
    assert dict(next_plan(busy, history, now).settings) == {N_PROC: "0"}


def test_a_lost_export_result_leads_to_fewer_export_workers_not_to_fewer_data_workers():
    assert told(play("export-lost-result-hang", situation(), 9)) == [{}, {"nnUNet_def_n_proc": "4"}]


def test_a_setting_that_the_user_has_made_already_is_no_step():
    now = situation(in_force=(("HOLTER_SHARING", "file_system"), (N_PROC, "1")), workers=1)
    assert told(play("frozen-worker", now, 9)) == [{}, {N_PROC: "0"}]
    assert told(play("worker-killed", now, 9)) == [{}, {N_PROC: "0"}]


def test_single_process_loading_is_never_taken_back():
    now = situation(**DEAD, workers=None, in_force=((N_PROC, "0"),))
    for cause in LADDERS:
        assert all(N_PROC not in settings for settings in told(play(cause, now, 9)))


def test_a_living_training_without_a_checkpoint_is_not_ended_but_its_workers_are_replaced():
    now = situation(may_end=False)
    for cause in LADDERS:
        plans = play(cause, now, 9)
        assert {plan.action for plan in plans} <= {"replace-workers", "nothing"}, cause
    assert play("frozen-worker", now, 9)[0].action == "replace-workers"
    assert play("frozen-worker", situation(**DEAD, may_end=False), 1)[0].action == "restart"


def test_no_ladder_is_longer_than_the_heals_without_an_epoch():
    for ladder in (*LADDERS.values(), *CHOICES):
        assert len(ladder) <= HEALS_WITHOUT_EPOCH


def test_every_setting_is_one_that_is_looked_for_in_the_users_environment():
    seen = {
        name
        for cause in (*LADDERS, "no-such-cause")
        for number in (6, 7, 9)
        for plan in play(cause, situation(), 9, worker__exit_signal=number, oom__kills=1, cpu__effective=2.0)
        for name, _ in plan.settings
    }
    assert seen <= set(NAMES) and len(seen) >= 6


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
    again = next_plan(diagnosis(cause), tried, situation(cleared_s=STANDS_AFTER_S))
    assert again.action == "wait", "nobody's fault here: it is never given up for that"
    ended = (Attempt(90.0, Plan(action="restart", cause=cause, rung=4), 5),)
    assert next_plan(diagnosis(cause), ended, situation(cleared_s=STANDS_AFTER_S)).action == "restart"


@pytest.mark.parametrize("cause", STOP_AT_ONCE)
def test_a_command_that_cannot_be_continued_is_not_ended_for_what_would_happen_again(cause):
    assert next_plan(diagnosis(cause), (), situation(waits_for_batch=True, can_continue=False)).action == "nothing"


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
        st.just(False),  # what helped may be done again
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
    may_end=st.booleans(),
    in_force=st.sampled_from([(), (("nnUNet_n_proc_DA", "6"),), (("HOLTER_SHARING", "file_system"),)]),
)


@pytest.mark.slow
@given(st.sampled_from(sorted(CAUSES)), histories, situations)
def test_no_plan_breaks_a_law_whatever_went_before(cause, history, now):
    plan = next_plan(diagnosis(cause), history, now)
    if plan.action == "replace-workers":
        assert now.alive and now.waits_for_batch
    if plan.action == "restart":
        assert now.can_continue and (now.may_end or not now.alive)
        assert not plan.settings or not set(plan.settings) <= set(now.in_force)
    if plan.action in ("replace-workers", "restart") and cause not in WAIT_FOR:
        assert len(history) < HEALS_A_RUN
    if plan.action in ("replace-workers", "restart") and cause not in WAIT_FOR:
        assert sum(attempt.t_s > now.t_s - 3600 for attempt in history) < HEALS_AN_HOUR
        failed = [attempt for attempt in history if not attempt.helped]  # what helped may be done again
        recent = [
            attempt for attempt in failed if now.epoch is None or attempt.epoch is None or now.epoch - attempt.epoch < 2
        ]
        same = [attempt.plan for attempt in recent if attempt.plan.cause == plan.cause]
        assert not any((attempt.action, attempt.settings) == (plan.action, plan.settings) for attempt in same)
    if plan.action == "wait":
        assert now.alive
    if plan.action == "stop":
        assert plan.reason and now.can_continue and (now.may_end or not now.alive)


def test_workers_that_are_not_there_are_not_replaced():
    for workers in (0, None):
        assert next_plan(diagnosis("frozen-worker"), (), situation(workers=workers)).action == "restart"


def test_a_setting_that_was_taken_back_is_not_in_force_and_not_tried_again():
    now = situation(alive=False, waits_for_batch=False)
    crash = diagnosis("worker-killed", **{"worker.exit_signal": 11})
    plans = play("worker-killed", now, 2, **{"worker.exit_signal": 11})
    assert ("HOLTER_START_METHOD", "forkserver") in plans[-1].settings
    history = tuple(Attempt(100.0, plan, 5) for plan in plans[:-1])
    history = (*history, Attempt(101.0, plans[-1], 5, taken_back=True))
    assert settings_in_force(history) == ()
    assert next_plan(crash, history, now).settings == (("nnUNet_n_proc_DA", "0"),)


def test_a_data_set_that_is_not_found_is_not_searched_again():
    plan = play("main-exception", situation(**DEAD), 9, exception__kind="dataset-unknown")[0]
    assert (plan.action, plan.reason) == ("stop", "it-would-happen-again")
