from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_run import Run

from holter.causes import diagnose_all
from holter.history.actions import merge_events
from holter.history.fates import fates
from holter.history.goodput import Account, account
from holter.records import ActionTaken, Beat, Diagnosis, Episode, Noted, ProcessEnded, Subject, Tick, Verdict
from holter.reports.healing import stock
from holter.tape import Recording, TapeWriter, read
from holter.tape.compaction import RawWindow

TAPES = Path(__file__).parents[1] / "tapes"


def lost(found: Account) -> dict[str, int]:
    return {loss.kind: round(loss.seconds) for loss in found.losses}


def total(found: Account) -> float:
    parts = (found.training_s, found.validation_s, found.startup_s, found.checkpoint_s, found.other_s, found.lost_s)
    return sum(parts)


def frozen() -> Run:
    """Two epochs; a worker freezes in the second, and new workers come 12 s later."""
    run = Run().startup(10).epoch(0).train(1, 8)
    began = run.t
    run.stand(7).act("replace-workers", "begun", cause="frozen-worker").stand(5)
    run.act("replace-workers", "done", text="the training goes on after 5 s")
    return run.episode("stall", began, run.t).go_on(12).finish_epoch(1)


def killed() -> Run:
    """Epochs 0 to 2 and a part of 3; the main process is killed, and 2 is the newest in a checkpoint."""
    run = Run().startup(10).epoch(0).epoch(1).epoch(2).train(3, 11).die()
    return run.down(3).restart("external-kill").startup(9).epoch(2).epoch(3).enter("shutdown").go_on(2)


def test_a_heal_of_a_plain_program_speaks_of_that_program():
    note = Noted(t_s=1.0, what="dataloader-training", text="")
    done = ActionTaken(t_s=5.0, action="replace-workers", state="done", source="hook")
    ticks = tuple(Tick(t_s=float(t_s), events=(note,) if t_s == 1 else (done,) if t_s == 5 else ()) for t_s in range(9))
    (heal,) = account(Recording(all_ticks=ticks)).saved
    assert not heal.of_nnunet
    assert "nnU-Net" not in stock(heal, "en")
    assert "nnU-Net" in stock(msgspec.structs.replace(heal, of_nnunet=True), "en")


def test_a_run_without_faults_loses_nothing() -> None:
    found = account(Run().startup(10).epoch(0).epoch(1).recording())
    assert found.losses == () and found.saved == ()
    assert (found.startup_s, found.training_s, found.validation_s, found.checkpoint_s) == (10, 40, 8, 2)
    assert found.goodput_ratio == pytest.approx(48 / 60)
    assert found.lost_ratio == 0


def test_a_standstill_is_lost_from_its_start_to_the_next_progress() -> None:
    found = account(frozen().recording())
    assert lost(found) == {"standstill": 12}
    assert found.training_s == pytest.approx(40, abs=1)


def test_the_cause_of_a_standstill_is_that_of_its_diagnosis() -> None:
    recording = frozen().recording()
    sure = Verdict(cause="frozen-worker", verdict="confirmed", score=0.9)
    unsure = Verdict(cause="slow-storage", verdict="possible", score=0.3)
    for verdict, cause in ((sure, "frozen-worker"), (unsure, None)):
        diagnosis = Diagnosis(episode=recording.all_episodes[0], verdicts=(verdict,))
        assert [loss.cause for loss in account(recording, (diagnosis,)).losses] == [cause]


def test_batches_that_were_ready_are_no_loss_although_a_worker_is_frozen() -> None:
    run = Run().startup(10).epoch(0).train(1, 8)
    began = run.t
    run.go_on(6).stand(9).episode("stall", began, began + 15, "train-worker 0 (PID 7)").go_on(12).finish_epoch(1)
    assert lost(account(run.recording())) == {"standstill": 9}


def test_a_restart_costs_the_time_to_the_first_step_and_the_epochs_trained_twice() -> None:
    found = account(killed().recording())
    # 3 s until it was started, 9 s of start-up, its first step; epoch 2 (25 s) and 11 s of epoch 3 were in vain.
    assert lost(found) == {"restart": 13, "repeated": 36}
    assert (found.repeated_epochs, found.restarts) == (2, 1)
    assert found.startup_s == 10
    assert found.training_s == pytest.approx(80, abs=1)
    assert {loss.kind: loss.cause for loss in found.losses}["restart"] == "external-kill"


def test_a_restart_that_never_comes_to_a_step_is_lost_to_the_end() -> None:
    run = Run().startup(10).epoch(0).train(1, 5).die().down(3).restart().startup(30)
    assert lost(account(run.recording()))["restart"] == 33


def test_a_death_without_restart_ends_the_account() -> None:
    run = Run().startup(10).epoch(0).train(1, 5).die().down(40)
    found = account(run.recording())
    assert found.wall_s == 40
    assert found.losses == ()


def with_launcher(recording: Recording) -> Recording:
    """``mp.spawn`` for several GPUs: the process that starts the ranks has the lowest PID, beats, and never trains."""
    ticks = tuple(
        msgspec.structs.replace(tick, beats=(Beat(t_s=tick.t_s, pid=3000, progressed_s=1.0), *tick.beats))
        for tick in recording.all_ticks
    )
    return msgspec.structs.replace(recording, all_ticks=ticks)


def slowed() -> Run:
    run = Run().startup(10).epoch(0).train(1, 30)
    began = run.t
    return run.go_on(40, pace=0.25).episode("slow-down", began, run.t).go_on(10).finish_epoch(1)


@pytest.mark.parametrize("made", [frozen, killed, slowed])
def test_the_account_follows_the_process_that_trains_and_not_the_one_that_starts_it(made: Callable[[], Run]) -> None:
    alone = account(made().recording())
    assert alone.losses and account(with_launcher(made().recording())) == alone


def test_a_slow_stretch_loses_what_its_steps_took_beyond_the_usual() -> None:
    assert lost(account(slowed().recording()))["slow"] == pytest.approx(30, abs=2)


def test_it_is_said_what_stock_does_and_no_seconds_are_invented() -> None:
    assert [(action.action, action.stock) for action in account(frozen().recording()).saved] == [
        ("replace-workers", "stands-still")
    ]
    run = killed().act("restart", "done")
    assert [(action.action, action.stock) for action in account(run.recording()).saved] == [("restart", "ends")]


def test_stock_ends_where_a_worker_was_killed() -> None:
    run = Run().startup(10).epoch(0).train(1, 8)
    run.event(ProcessEnded(t_s=float(run.t), pid=4711, role="train-worker", exit_signal=9)).stand(3)
    run.act("replace-workers", "begun", source="hook", pids=(4712,)).stand(2)
    run.act("replace-workers", "done", source="hook").go_on(9).finish_epoch(1)
    assert [action.stock for action in account(run.recording()).saved] == ["ends"]


def test_a_hung_training_that_was_ended_by_us_stands_still_in_stock() -> None:
    run = Run().startup(10).epoch(0).train(1, 8).stand(20).act("end-group", "begun", pids=(4700,)).down(1).die()
    run.down(2).restart("gpu-side-stall").startup(5).epoch(1).act("restart", "done")
    assert [action.stock for action in account(run.recording()).saved] == ["stands-still"]


def test_hook_and_supervisor_report_one_action() -> None:
    run = Run().startup(10).train(0, 5).act("replace-workers", "begun", cause="frozen-worker").stand(1)
    run.act("replace-workers", "begun", source="hook", text="worker 2 is stopped", pids=(1, 2)).stand(1)
    run.act("replace-workers", "done", source="hook", text="worker 2 is stopped; started: 2").go_on(1)
    run.act("replace-workers", "done", text="the training goes on after 3 s").go_on(3)
    (action,) = merge_events(run.recording())
    assert (action.state, action.cause, action.pids, action.sources) == (
        "done",
        "frozen-worker",
        (1, 2),
        ("supervisor", "hook"),
    )
    assert action.ended_s == action.begun_s + 2


def test_two_heals_in_a_row_are_two_actions() -> None:
    run = Run().startup(10).train(0, 5)
    for _ in range(2):
        run.act("replace-workers", "begun", source="hook").stand(3).act("replace-workers", "done", source="hook").go_on(
            9
        )
    assert [action.state for action in merge_events(run.recording())] == ["done", "done"]


def test_a_replacement_under_way_when_the_training_ends_has_failed() -> None:
    run = Run().startup(10).train(0, 5).act("replace-workers", "begun", source="hook").stand(30)
    assert [action.state for action in merge_events(run.recording())] == ["begun"]
    (action,) = merge_events(run.die().down(2).recording())
    assert (action.state, action.ended_s) == ("failed", action.begun_s + 31)


def test_a_batch_that_comes_after_the_supervisor_gave_up_is_the_end_of_the_same_action() -> None:
    run = Run().startup(10).train(0, 5).act("replace-workers", "begun", source="hook").stand(300)
    run.act("replace-workers", "failed", text="no batch has come for 300 s").stand(100)
    (action,) = merge_events(run.recording())
    assert (action.state, action.ended_s) == ("failed", action.begun_s + 300)
    run.act("replace-workers", "done", source="hook", text="the next batch came after 401 s").go_on(9)
    (action,) = merge_events(run.recording())
    assert (action.state, action.ended_s) == ("done", action.begun_s + 401)


def test_a_request_that_the_hook_refused_healed_nothing_although_the_training_goes_on() -> None:
    run = Run().startup(10).epoch(0).train(1, 8)
    began = run.t
    run.stand(7).act("replace-workers", "begun", cause="frozen-worker", request=1).stand(1)
    run.act("replace-workers", "failed", source="hook", request=1, text="no worker is stopped").stand(7)
    run.act("replace-workers", "done", request=1, text="the training goes on after 8 s")
    recording = run.episode("stall", began, run.t).go_on(12).finish_epoch(1).recording()
    (action,) = merge_events(recording)
    assert (action.state, action.ended_s) == ("failed", action.begun_s + 1)
    assert fates(recording, recording.all_episodes) == ("over",)
    assert account(recording).saved == ()


@pytest.mark.parametrize("request_number", [2, None])
def test_what_the_hook_reports_of_another_request_is_not_the_end_of_this_one(request_number: int | None) -> None:
    run = Run().startup(10).train(0, 5).act("replace-workers", "begun", request=1)
    run.act("replace-workers", "begun", source="hook", request=1).stand(8)
    run.act("replace-workers", "done", request=1).go_on(5000)
    run.act("replace-workers", "failed", source="hook", request=request_number).go_on(3)
    assert [action.state for action in merge_events(run.recording())] == ["done", "failed"]


@pytest.mark.parametrize(("end_s", "fate"), [(None, "open"), (4000.0, "over"), (120.0, "healed")])
def test_a_heal_hours_before_the_end_of_an_episode_has_not_ended_it(end_s: float | None, fate: str) -> None:
    """It is slow for an hour, and a frozen worker is replaced in its first minutes."""
    slow = Episode(kind="slow-down", start_s=50.0, alarm_s=60.0, end_s=end_s, detector="slow-down", subject="training")
    heal = [ActionTaken(t_s=t_s, action="replace-workers", state=state) for t_s, state in ((90, "begun"), (95, "done"))]
    ticks = (Tick(t_s=95.0, events=tuple(heal)), Tick(t_s=5000.0))
    assert fates(Recording(all_ticks=ticks), [slow]) == (fate,)


def test_a_proposal_is_no_action_that_saved_anything() -> None:
    run = Run().startup(10).train(0, 5).act("restart", "proposed", cause="external-kill").go_on(5)
    recording = run.recording()
    assert [action.state for action in merge_events(recording)] == ["proposed"]
    assert account(recording).saved == ()


def test_an_attached_recording_does_not_call_what_it_has_not_seen_start_up() -> None:
    run = Run()
    run.go_on(5).epoch(7)
    assert account(run.recording(attached=True)).startup_s == 0
    assert account(run.recording(attached=False)).startup_s == 5


def test_a_program_of_which_no_phase_is_known_has_no_ratio_however_it_ended() -> None:
    died = Episode(kind="death", start_s=50.0, alarm_s=50.0, detector="death", subject=Subject(role="main", pid=7))
    ticks = tuple(Tick(t_s=float(t)) for t in range(60))
    assert account(Recording(all_ticks=ticks, all_episodes=(died,))).goodput_ratio is None


def test_an_empty_recording_has_no_ratio() -> None:
    found = account(Recording())
    assert (found.wall_s, found.goodput_ratio, found.lost_ratio) == (0, None, None)


def test_roll_ups_give_nearly_the_same_account(tmp_path: Path) -> None:
    run = Run().startup(30)
    for epoch in range(4):
        run.epoch(epoch, seconds=200)
    began = run.train(4, 60).t
    run.stand(50).episode("stall", began, run.t).go_on(100).finish_epoch(4).epoch(5, seconds=1500)
    recording = run.recording()
    writer = TapeWriter(tmp_path / "long.holter", window=RawWindow(keep_s=60.0))
    for number, episode in enumerate(recording.all_episodes):
        writer.write_episode(number, episode)
    for tick in recording.all_ticks:
        writer.write_samples(tick.t_s, (*tick.processes, *tick.beats))
        writer.write_events(tick.events)
        writer.pulse(tick.t_s)
    writer.close(recording.duration_s)
    thinned = read(tmp_path / "long.holter")
    assert any(tick.span_s for tick in thinned.all_ticks)
    before, after = account(recording), account(thinned)
    assert lost(after) == lost(before) == {"standstill": 50}
    assert after.training_s == pytest.approx(before.training_s, abs=1)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["epoch", "stall", "kill", "slow"]), min_size=1, max_size=8), st.integers(1, 30))
def test_every_second_is_counted_once_whatever_happens(story: list[str], seconds: int) -> None:
    run = Run().startup(5).epoch(0)
    epoch = 1
    for what in story:
        run.train(epoch, 5)
        began = run.t
        if what == "stall":
            run.stand(seconds).episode("stall", began, run.t)
        elif what == "slow":
            run.go_on(seconds, pace=0.25).episode("slow-down", began, run.t)
        elif what == "kill":
            run.die().down(2).restart().startup(seconds % 7)
            epoch = max(0, epoch - seconds % 2)
            run.train(epoch, 5)
        run.go_on(5).finish_epoch(epoch)
        epoch += 1
    found = account(run.recording())
    assert total(found) == pytest.approx(found.wall_s)
    assert all(part >= 0 for part in (found.training_s, found.validation_s, found.startup_s, found.other_s))
    assert 0 <= (found.goodput_ratio or 0) <= 1


@pytest.mark.parametrize("tape", sorted(TAPES.glob("*/*.holter")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_account_of_every_kept_tape_adds_up(tape: Path) -> None:
    recording = read(tape)
    found = account(recording, tuple(diagnose_all(recording)))
    assert total(found) == pytest.approx(found.wall_s)
    assert min((loss.seconds for loss in found.losses), default=1) > 0


@pytest.mark.parametrize("tape", sorted((TAPES / "quiet").glob("*.holter")), ids=lambda path: path.stem)
def test_a_quiet_tape_has_lost_nothing(tape: Path) -> None:
    recording = read(tape)
    assert account(recording, tuple(diagnose_all(recording))).losses == ()
