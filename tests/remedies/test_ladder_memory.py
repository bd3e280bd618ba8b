"""What is done about memory, locks and open files: no less than where these were \"killed\" or \"error\"."""

from __future__ import annotations

import pytest

from holter.causes.steps import Situation
from holter.records import Diagnosis, Episode, Plan, Verdict
from holter.remedies.ladder import Attempt, next_plan

N_PROC, SHARING, EXPORTERS = "nnUNet_n_proc_DA", "HOLTER_SHARING", "nnUNet_def_n_proc"
DEAD = Situation(t_s=100.0, alive=False, waits_for_batch=False, epoch=5, workers=12, can_continue=True)
ALIVE = DEAD._replace(alive=True, waits_for_batch=True)
LESS = {N_PROC: "6", "HOLTER_CACHED_BATCHES": "2"}


def play(cause: str, now: Situation) -> list[Plan]:
    """The plans one after the other, as if none of them helped."""
    episode = Episode(kind="death", start_s=90.0, alarm_s=95.0)
    found = Diagnosis(episode=episode, verdicts=(Verdict(cause=cause, verdict="confirmed", score=0.9),))
    history: tuple[Attempt, ...] = ()
    plans = []
    while not plans or plans[-1].action in ("replace-workers", "restart"):
        plans.append(next_plan(found, history, now))
        history = (*history, Attempt(now.t_s + len(plans), plans[-1], now.epoch))
    return plans


def told(plans: list[Plan]) -> list[dict[str, str]]:
    return [dict(plan.settings) for plan in plans if plan.action == "restart"]


@pytest.mark.parametrize(
    ("cause", "settings"),
    [
        ("ram-oom-train-worker", [{}, LESS, {N_PROC: "0"}]),
        ("export-ram-oom", [{}, {EXPORTERS: "4"}]),
        ("unpack-slow-or-oom", [{}, {EXPORTERS: "4"}]),
        ("fd-exhaustion", [{SHARING: "file_system"}, {N_PROC: "6"}, {N_PROC: "0"}]),
        ("threadpoolctl-version", [{N_PROC: "0"}]),
        ("secondary-worker-message", [{}, {N_PROC: "0"}]),
    ],
)
def test_a_training_that_ended_is_started_again_with_what_helps(cause: str, settings: list[dict[str, str]]) -> None:
    assert told(play(cause, DEAD)) == settings


@pytest.mark.parametrize("cause", ["fork-lock-deadlock", "nested-threadpoolctl-fork-crash"])
def test_locks_and_crashes_of_the_fork_lead_to_workers_that_are_not_forked(cause: str) -> None:
    plans = play(cause, ALIVE)
    assert plans[0].action == "replace-workers"
    chosen = [settings for settings in told(plans) if settings]
    assert (chosen[0]["HOLTER_START_METHOD"], chosen[0]["OMP_NUM_THREADS"]) == ("forkserver", "1")


@pytest.mark.parametrize("cause", ["ram-oom-train-worker", "secondary-worker-message"])
def test_workers_are_replaced_while_the_training_lives(cause: str) -> None:
    assert play(cause, ALIVE)[0].action == "replace-workers"


@pytest.mark.parametrize("cause", ["swap-thrash", "cgroup-page-cache-pressure", "kernel-time-reclaim"])
def test_a_training_that_is_only_slow_is_left_alone(cause: str) -> None:
    assert [plan.action for plan in play(cause, ALIVE)] == ["nothing"]
