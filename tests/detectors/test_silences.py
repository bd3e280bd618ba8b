"""What used to be silence: short pauses, a loss that is no number, workers that are lost. Beside each a near miss."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from running import MAIN, Run

from holter.detectors import detect
from holter.detectors.course import LOOP, Course
from holter.detectors.notices import LOST_S, Notices
from holter.probes.training.heartbeat_events import LEFT
from holter.records import Beat, EpochEnded, ExceptionSeen, Noted, PhaseChanged, ProcessEnded, Tick
from holter.reports.catalogue import phrase
from holter.reports.outcome import outcome_of
from holter.tape import Recording

# ------------------------------------------------------------------------------------------------------------- pauses


def halting(run: Run, *, times: int, go_s: int, halt_s: int) -> list[Tick]:
    ticks = list(run.go(60))
    for _ in range(times):
        ticks += [*run.halt(halt_s), *run.go(go_s)]
    return ticks


def found(ticks: Iterable[Tick]) -> list[str]:
    return [episode.detector for episode in detect(ticks)]


def test_short_pauses_that_keep_coming_are_told():
    assert found(halting(Run(step_s=0.2), times=6, go_s=12, halt_s=8)) == ["pauses"]


def test_pauses_that_go_on_after_a_long_validation_are_one_story_and_over_when_none_comes():
    run = Run(step_s=0.2)
    ticks = halting(run, times=6, go_s=12, halt_s=8)
    for epoch in (2, 3):
        ticks += run.go(260, phase="validate")
        run.epoch = epoch
        ticks += halting(run, times=3, go_s=12, halt_s=8)
    (episode,) = detect(ticks)
    assert episode.end_s is None
    (episode,) = detect([*ticks, *run.go(130)])
    assert episode.end_s == pytest.approx(run.t_s - 22, abs=3)


@pytest.mark.parametrize(("times", "go_s", "halt_s"), [(1, 200, 9), (6, 100, 5), (8, 12, 2)])
def test_a_pause_now_and_then_is_left_alone(times, go_s, halt_s):
    assert found(halting(Run(step_s=0.2), times=times, go_s=go_s, halt_s=halt_s)) == []


def test_pauses_in_which_the_workers_compute_are_starvation():
    ticks = []
    for tick in halting(Run(step_s=0.2), times=6, go_s=12, halt_s=8):
        busy = tuple(
            msgspec.structs.replace(process, cpu_ratio=1.0) if process.role == "train-worker" else process
            for process in tick.processes
        )
        ticks.append(msgspec.structs.replace(tick, processes=busy))
    assert "pauses" not in found(ticks)


# --------------------------------------------------------------------------------------------------------------- loss


def epochs(*not_finite: tuple[str, ...]) -> list[Tick]:
    ended = [EpochEnded(t_s=10.0 * (n + 1), epoch=n, not_finite=names) for n, names in enumerate(not_finite)]
    return [Tick(t_s=event.t_s, events=(event,)) for event in ended]


def test_two_epochs_running_without_a_finite_loss_are_told_and_it_ends_with_one_that_is():
    (episode,) = detect(epochs((), ("train loss",), ("train loss",), ()))
    assert (episode.kind, episode.start_s, episode.alarm_s, episode.end_s) == ("diverged", 20.0, 30.0, 40.0)
    assert dict(episode.reason.values)["since"] == 1


def test_one_epoch_alone_or_now_the_one_and_now_the_other_is_left_alone():
    assert detect(epochs(("train loss",), (), ("train loss",), ())) == ()
    assert detect(epochs(("train loss",), ("validation loss",), ())) == ()


def test_an_epoch_that_log_and_console_tell_of_is_one():
    twice = [tick for tick in epochs(("train loss",), ()) for _ in range(2)]
    assert detect(twice) == ()
    again = [*epochs((), (), (), ()), noted("began", 50.0), *epochs(("train loss",), ("train loss",))]
    assert [episode.kind for episode in detect(again)] == ["diverged"]


# ------------------------------------------------------------------------------------------------------------ notices


def feeding(t_s: float, steps: dict[int, int], since: dict[int, float], *, phase: str = "train") -> Tick:
    """Steps of each worker, and since when it has its case in hand."""
    workers = tuple(
        Beat(
            t_s=t_s, pid=pid, role="train-worker", worker_index=pid - 20, steps_total=count, progress_total=count,
            case=f"case_{pid}", case_began_s=since[pid],
        )
        for pid, count in steps.items()
    )  # fmt: skip
    total = sum(steps.values())
    main = Beat(t_s=t_s, pid=MAIN, phase=phase, progress_total=total, steps_total=total)
    return Tick(t_s=t_s, beats=(main, *workers))


def told(ticks: Iterable[Tick]) -> list[str]:
    notices = Notices()
    return [notice.what for tick in ticks for notice in notices.see(tick)]


def test_a_worker_that_delivers_nothing_while_the_others_do_is_told_once():
    ticks = [feeding(t, {20: 3, 21: t, 22: t}, {20: 1.0, 21: t - 1.0, 22: t - 1.0}) for t in range(3, int(3 * LOST_S))]
    assert told(ticks) == ["lost-worker"]


def test_a_huge_case_that_takes_a_minute_is_left_alone():
    ticks = [
        feeding(t, {20: t // 60, 21: t, 22: t}, {20: t // 60 * 60.0, 21: t - 1.0, 22: t - 1.0}) for t in range(1, 400)
    ]
    assert told(ticks) == []


def test_a_worker_that_holds_a_case_while_nobody_is_asked_is_left_alone():
    ticks = [feeding(t, {20: 3, 21: 4, 22: 4}, dict.fromkeys((20, 21, 22), 1.0)) for t in range(3, 400)]
    assert told(ticks) == []


# ------------------------------------------------------------------------------------------------------------- course


def noted(what: str, t_s: float = 1.0) -> Tick:
    return Tick(t_s=t_s, events=(Noted(t_s=t_s, what=what, text=LOOP),))


STEP = Tick(t_s=2.0, beats=(Beat(t_s=2.0, pid=MAIN, phase="train", steps_total=3),))


def course(*ticks: Tick) -> Course:
    made = Course()
    for tick in ticks:
        made.see(tick)
    return made


def test_a_loop_that_began_and_did_not_return_is_unfinished():
    assert not course(noted("began")).is_unfinished(None), "nothing was trained"
    assert course(noted("began"), STEP).is_unfinished(None)
    assert not course(noted("began"), STEP, noted("finished", 3.0)).is_unfinished(5), "early stopping returns, too"


def test_a_loop_that_was_left_by_an_exception_of_its_own_is_over_with_the_final_checkpoint():
    left = (noted("began"), STEP, noted("aborted", 3.0))
    assert course(*left).is_unfinished(None)
    saved = Noted(t_s=4.0, what="checkpoint", text="/r/fold_0/checkpoint_final.pth in 0.10 s")
    assert not course(*left, Tick(t_s=4.0, events=(saved,))).is_unfinished(None)


def test_with_the_last_epoch_in_the_log_nothing_is_missing():
    trained = (noted("began"), STEP, *epochs((), (), ()))
    assert course(*trained).is_unfinished(4) and not course(*trained).is_unfinished(3)


def test_a_second_loop_in_one_process_is_watched_like_the_first():
    first = (noted("began"), STEP, *epochs((), (), ()), noted("finished", 3.0))
    assert course(*first, noted("began", 4.0)).is_unfinished(3)


# ---------------------------------------------------------------------------- a loop that was left, in a living program


def left(run: Run, what: str = "aborted", error: str = "ValueError") -> Tick:
    """The loop returns or is left in the next second."""
    (tick,) = run.halt(1)
    words = LEFT(error=error, text="broken") if what == "aborted" else None
    return msgspec.structs.replace(tick, events=(Noted(t_s=tick.t_s, what=what, text=LOOP, message=words, pid=MAIN),))


def seen_by_both(ticks: Iterable[Tick]) -> tuple[list[str], list[str]]:
    """The episodes, with whether each is over, and the notices."""
    ticks, notices = list(ticks), Notices()
    episodes = [f"{episode.detector} {'over' if episode.end_s else 'open'}" for episode in detect(ticks)]
    return episodes, [phrase(notice.message, "en") for tick in ticks for notice in notices.see(tick)]


def test_a_program_that_goes_on_after_its_training_raised_does_not_stall():
    """A notebook whose cell has raised, or code that catches it, and sleeps."""
    run = Run()
    episodes, said = seen_by_both([*run.go(30), left(run), *run.halt(300)])
    assert episodes == []
    (notice,) = said
    assert notice.startswith("nnU-Net's training was ended by an exception (ValueError: broken)")


@pytest.mark.parametrize("goes_on", [False, True])
def test_others_that_train_beside_it_may_wait_for_it_for_ever(goes_on: bool):
    """Another rank or fold, in a process of its own; or a loop that trains on."""
    run = Run()
    ticks = [*run.go(30), left(run), *(run.go(60) if goes_on else ()), *run.halt(300)]
    if not goes_on:
        seconds = (msgspec.structs.replace(tick.processes[0], pid=MAIN + 100) for tick in ticks)
        ticks = [
            msgspec.structs.replace(tick, processes=(*tick.processes, second))
            for tick, second in zip(ticks, seconds, strict=True)
        ]
    assert seen_by_both(ticks)[0] == ["stall open"]


def test_its_next_training_is_watched_like_the_first():
    run = Run()
    first = [*run.go(30), left(run), *run.halt(3)]
    episodes, said = seen_by_both([*first, left(run, "began"), *run.go(30), *run.halt(90)])
    assert (episodes, said) == (["stall open"], [])


def test_a_program_that_exits_and_does_not_end_stalls():
    run = Run()
    assert seen_by_both([*run.go(30), left(run, error="SystemExit"), *run.halt(300)]) == (["stall open"], [])


def test_a_stall_that_a_person_interrupts_in_a_notebook_is_over():
    run = Run()
    episodes, said = seen_by_both([*run.go(30), *run.halt(90), left(run), *run.halt(90)])
    assert episodes == ["stall over"]
    assert len(said) == 1


@pytest.mark.parametrize("event", [
    ExceptionSeen(t_s=32.0, pid=MAIN, role="main", error="ValueError", source="hook"),
    ProcessEnded(t_s=32.0, pid=MAIN, role="main", exit_code=1),
])  # fmt: skip
def test_an_exception_that_ends_the_program_is_no_notice(event):
    run = Run()
    ticks = [*run.go(30), left(run), *run.halt(30)]
    ticks[31] = msgspec.structs.replace(ticks[31], events=(event,))
    assert seen_by_both(ticks)[1] == []


def test_a_run_that_goes_on_without_its_training_says_so():
    run = Run()
    notices = Notices()
    ticks = [*run.go(30), left(run), *run.halt(300)]
    ticks = [msgspec.structs.replace(tick, events=(*tick.events, *notices.see(tick))) for tick in ticks]
    ran = outcome_of(Recording(all_ticks=tuple(ticks)), (), is_over=False)
    said = phrase(ran.headline, "en")
    assert (ran.state, ran.is_good) == ("troubled", False)
    assert said == "An exception ended nnU-Net's training (ValueError: broken), and its program still runs."

    def state(*more: Tick) -> str:
        return outcome_of(Recording(all_ticks=(*ticks, *more)), (), is_over=False).state

    saves = (PhaseChanged(t_s=run.t_s, phase="checkpoint"), PhaseChanged(t_s=run.t_s, phase="train", epoch=0))
    assert state(Tick(t_s=run.t_s, beats=(run.beat(),), events=saves)) == "troubled"
    again = Noted(t_s=run.t_s, what="began", text=LOOP)
    assert state(Tick(t_s=run.t_s, beats=(run.beat(),), events=(again,))) == "running"
    assert state(*run.go(1)) == "running"  # by a loop of its own
