"""Which worker's end belongs to an episode."""

from __future__ import annotations

import pytest

from holter.causes import diagnose
from holter.records import Beat, Environment, Episode, ExceptionSeen, ProcessEnded, ProcessSample, Tick
from holter.tape import Recording


def killed_after(*, was_replaced: bool) -> Recording:
    """A worker ends at 97 s, told twice; at 100 s somebody kills the main process."""
    events = {
        97: ProcessEnded(
            t_s=97.0, pid=2, role="train-worker", exit_signal=9, source="hook",
            by_parent=was_replaced, expected=was_replaced,
        ),
        98: ProcessEnded(t_s=98.0, pid=2, role="train-worker", exit_signal=9, source="pidfd"),
        100: ProcessEnded(t_s=100.0, pid=1, role="main", exit_signal=9, source="wait"),
    }  # fmt: skip
    ticks = []
    for t_s in range(60, 103):
        main = ProcessSample(t_s=t_s, pid=1, role="main", state="R", cpu_ratio=0.9)
        beat = Beat(t_s=t_s, pid=1, phase="train", epoch=2, progress_total=t_s, progressed_s=float(t_s))
        told = (events[t_s],) if t_s in events else ()
        alive = {"processes": (main,), "beats": (beat,)} if t_s < 100 else {}
        ticks.append(Tick(t_s=float(t_s), events=told, **alive))
    return Recording(all_ticks=tuple(ticks), environment=Environment(wall_start=""))


@pytest.mark.parametrize(("was_replaced", "cause"), [(True, "external-kill"), (False, "worker-killed")])
def test_a_worker_that_was_replaced_has_not_ended_the_training(was_replaced: bool, cause: str) -> None:
    episode = Episode(kind="death", phase="train", start_s=100.0, alarm_s=100.0, subject="main (PID 1)", pid=1)
    verdicts = diagnose(killed_after(was_replaced=was_replaced), episode).verdicts
    assert verdicts[0].cause == cause


def test_of_two_ranks_the_one_that_the_episode_is_about_tells_the_signal() -> None:
    ends = tuple(ProcessEnded(t_s=80.0, pid=pid, role="main", exit_signal=number) for pid, number in ((1, 15), (2, 9)))
    ticks = [
        Tick(t_s=float(t), processes=tuple(ProcessSample(t_s=t, pid=pid, role="main") for pid in (1, 2)))
        for t in range(60, 80)
    ]
    recording = Recording(all_ticks=(*ticks, Tick(t_s=80.0, events=ends)), environment=Environment(wall_start=""))
    episode = Episode(kind="death", start_s=80.0, alarm_s=80.0, subject="main (PID 2)", pid=2)
    facts = {fact.name: fact.value for fact in diagnose(recording, episode).facts}
    assert (facts["main.exit_signal"], facts["main.ending"]) == (9, "SIGKILL")


def slow(source: str, kind: str) -> tuple[Recording, Episode]:
    """Main works on while an error is told, by the hook or in the console."""
    ticks = []
    for t_s in range(60, 103):
        main = ProcessSample(t_s=t_s, pid=1, role="main", state="R", cpu_ratio=0.9)
        beat = Beat(t_s=t_s, pid=1, phase="train", epoch=2, progress_total=t_s, progressed_s=float(t_s))
        raised = ExceptionSeen(t_s=t_s, pid=1, role="main", error="ValueError", message="x", source=source)
        ticks.append(Tick(t_s=float(t_s), processes=(main,), beats=(beat,), events=(raised,) if t_s == 99 else ()))
    episode = Episode(kind=kind, phase="train", start_s=97.0, alarm_s=100.0, subject="main (PID 1)", pid=1)
    return Recording(all_ticks=tuple(ticks), environment=Environment(wall_start="")), episode


@pytest.mark.parametrize("kind", ["slow-down", "stall"])
def test_an_error_that_only_the_console_tells_of_is_not_that_of_a_training_that_lives_on(kind: str) -> None:
    diagnosis = diagnose(*slow("console", kind))
    assert {fact.status for fact in diagnosis.facts if fact.name == "exception.first"} == {"not-applicable"}


def test_a_training_that_goes_on_more_slowly_was_not_ended_by_an_error() -> None:
    verdicts = diagnose(*slow("hook", "slow-down")).verdicts
    assert {one.verdict for one in verdicts if one.cause == "main-exception"} == {"excluded"}
