"""What became of a run: one state and one sentence, from recorded runs and from one made up second by second."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import healed_scene
import msgspec
import pytest
from rich.console import Console

from holter.cli.options import FailOn
from holter.records import (
    Ability,
    ActionTaken,
    ContractSettled,
    Diagnosis,
    Environment,
    Episode,
    EpochEnded,
    Fact,
    Judged,
    Noted,
    ProcessEnded,
    ProcessSample,
    Remedy,
    Subject,
    Tick,
    Verdict,
)
from holter.remedies.diagnose import diagnose_recording
from holter.reports.catalogue import phrase
from holter.reports.json.as_json import to_json
from holter.reports.outcome import Outcome, identity_of, outcome_of
from holter.reports.outcome.closing import verdict_of_run
from holter.reports.outcome.groups import group_headline, grouped, moments
from holter.reports.outcome.next_command import first_command
from holter.reports.outcome.unusual import unusual
from holter.reports.quiet import quiet
from holter.reports.terminal import print_diagnosis
from holter.supervisor.healing.current_process import ASKED
from holter.supervisor.healing.current_process import PASSED_ON as NOTE_PASSED_ON
from holter.tape import Recording, read

TAPES = Path(__file__).parents[2] / "tapes"
sys.path.insert(0, str(Path(__file__).parents[2] / "history"))

from made_run import Run  # noqa: E402

AT = Environment(wall_start="2026-11-28T19:00:00+00:00", utc_offset_s=8 * 3600, hostname="gpu7", num_epochs=4)


def judged(name: str) -> Outcome:
    recording = read(TAPES / f"{name}.holter")
    return outcome_of(recording, diagnose_recording(recording, is_over=True), is_over=True)


def made(run: Run, **environment: object) -> Recording:
    return msgspec.structs.replace(
        run.recording(), environment=msgspec.structs.replace(AT, **environment), finished=True
    )


@pytest.mark.parametrize(
    ("name", "state", "said"),
    [
        ("frozen_worker/fault", "finished", "Finished: 4 epochs. Stopped once, went on by itself, 22 s lost."),
        ("quiet/continued", "finished", "Finished: 4 epochs."),
        ("cgroup_cpu_quota/fault", "finished", "Finished: 4 epochs. Slower once, 18 s lost."),
        ("ended_early/main_leaves", "incomplete", "Ended at 21:23 before its last epoch, after 1 of 40 epochs"),
        ("quiet/interrupted", "stopped", "Stopped by hand at 19:00, after 1 epoch."),
        ("worker_killed/fault", "dead", "Dead since 12:51, after 1 epoch: worker 0 (PID 4653) was killed."),
        ("fd_exhaustion/descriptors_likely", "dead", "a process has reached its limit of open files. Likely."),
        ("external_kill/main_sigkill", "dead", "3 of its workers were left and may still hold memory; holter doctor"),
        ("main_stopped/main_sigstop", "cut", "Stalled for 22 s: the main process is stopped by a signal"),
        ("shm_too_small/fault", "cut", "Broken for 5 s: shared memory (/dev/shm) has no space"),
    ],
)
def test_the_headline_of_a_recorded_run_says_what_became_of_it(name: str, state: str, said: str) -> None:
    ran = judged(name)
    assert ran.state == state
    assert said in phrase(ran.headline, "en")


@pytest.mark.slow
def test_every_kept_tape_has_a_headline_and_identity_in_both_languages() -> None:
    for path in sorted(TAPES.rglob("*.holter")):
        recording = read(path)
        for is_over in (True, False):
            ran = outcome_of(recording, is_over=is_over)
            lines = [phrase(line, lang) for lang in ("en", "zh") for line in (ran.headline, *identity_of(ran))]
            assert all(lines), path
            assert not any("{" in line or "outcome." in line for line in lines), lines


def test_workers_that_were_ended_are_no_orphans() -> None:
    assert judged("external_kill/with_orphans_killed").orphans == ()
    assert len(judged("external_kill/main_sigkill").orphans) == 3


def test_what_was_healed_is_counted_as_healed() -> None:
    run = Run().startup().epoch(0).train(1, 10)
    stood_s = float(run.t)
    run.stand(6).act("replace-workers", "begun").stand(2).act("replace-workers", "done").go_on(4)
    run.episode("stall", stood_s, float(run.t)).finish_epoch(1).train(2, 6)
    died_s = float(run.t)
    run.episode("death", died_s, died_s).die().down(4).restart().startup(5).train(2, 20).act("restart", "done")
    run.finish_epoch(2).epoch(3)
    run.event(ProcessEnded(t_s=float(run.t), pid=run.pid, role="main", exit_code=0)).go_on(1)
    ran = outcome_of(made(run), is_over=True)
    assert (ran.state, ran.stopped, ran.healed, ran.fates) == ("finished", 2, 2, ("healed", "healed"))
    assert phrase(ran.headline, "en").startswith("Finished: 4 of 4 epochs. Stopped twice, healed twice, ")
    assert ran.is_good
    assert ran.ended is not None and ran.ended.endswith("+08:00")


def test_a_death_soon_after_a_stall_is_another_stop() -> None:
    run = Run().startup().epoch(0).train(1, 10).stand(9)
    run.episode("stall", run.t - 9.0, float(run.t)).go_on(4)
    run.episode("death", float(run.t), float(run.t)).die().down(2).restart().startup(3).train(1, 9)
    assert outcome_of(made(run), is_over=True).stopped == 2


def test_a_running_stall_is_named_by_what_the_recorder_judged() -> None:
    run = Run().startup().epoch(0).train(1, 20)
    stood_s = float(run.t)
    run.stand(10).episode("stall", stood_s, None)
    plain = outcome_of(msgspec.structs.replace(made(run), finished=False), is_over=False)
    assert plain.state == "stalled"
    assert phrase(plain.headline, "en").endswith("; the cause is not known yet.")
    over = phrase(outcome_of(made(run), is_over=True).headline, "en")
    assert "cause" not in over, over
    episode = run.episodes[-1]
    nothing = Judged(t_s=float(run.t), detector=episode.detector, subject=episode.subject_name, start_s=stood_s)
    run.event(nothing)
    looked = outcome_of(msgspec.structs.replace(made(run), finished=False), is_over=False)
    assert phrase(looked.headline, "en").endswith("; no cause seen.")
    for cause, words in (("of-a-newer-holter", "of-a-newer-holter"), ("frozen-worker", "a data worker is stopped")):
        run.event(msgspec.structs.replace(nothing, t_s=float(run.t), cause=cause, verdict="confirmed")).stand(2)
        named = outcome_of(msgspec.structs.replace(made(run), finished=False), is_over=False)
        assert (named.cause, named.trouble, named.since_s) == (cause, "stall", stood_s)
        assert words in phrase(named.headline, "en")


def test_a_training_that_runs_well_says_where_it_is() -> None:
    run = Run().startup().epoch(0).epoch(1).train(2, 5)
    ran = outcome_of(msgspec.structs.replace(made(run), finished=False), is_over=False)
    assert (ran.state, phrase(ran.headline, "en")) == ("running", "Running: epoch 2 of 4.")
    here = msgspec.structs.replace(made(run), finished=False, path=Path("my run.holter"))
    assert outcome_of(here, is_over=False).next_command == "holter top 'my run.holter'"
    assert (ran.ended, ran.runs) == (None, True)


def test_a_process_that_trains_nothing_is_not_said_to_train() -> None:
    process = ProcessSample(t_s=0.0, pid=7, role="main", state="S")
    ticks = tuple(Tick(t_s=float(t_s), processes=(process,)) for t_s in range(16))
    recording = Recording(all_ticks=ticks, environment=AT)
    ran = outcome_of(recording, is_over=False)
    assert phrase(ran.headline, "en") == "Running; no step of a training was seen yet, in 15 s."
    assert "running, but no training was seen in it" in phrase(verdict_of_run(ran, recording), "en")
    begins = msgspec.structs.replace(recording, all_ticks=ticks[:4])
    assert phrase(outcome_of(begins, is_over=False).headline, "en") == "Running."
    settled = ContractSettled(
        t_s=10.0,
        does=(),
        sees=(
            Ability(name="heartbeat", can=False, why_not="no hook"),
            Ability(name="log", can=False, why_not="no log"),
        ),
    )
    told = msgspec.structs.replace(recording, all_ticks=(*ticks, Tick(t_s=60.0, events=(settled,))))
    assert phrase(outcome_of(told, is_over=False).headline, "en") == (
        "Running for 1 min 0 s. No training was seen: no hook; no log."
    )


def test_a_dead_worker_has_its_number_also_without_a_diagnosis() -> None:
    recording = read(TAPES / "worker_killed/frozen_and_killed.holter")
    assert "worker 1 (PID 19573) was killed" in phrase(outcome_of(recording, is_over=True).headline, "en")


def test_a_run_that_was_given_up_is_not_healed_and_says_so() -> None:
    recording = healed_scene.recording()
    ran = outcome_of(recording, healed_scene.diagnoses(), is_over=True)
    assert (ran.state, ran.exit_code) == ("gave-up", 76)
    assert "Holter gave up" in phrase(ran.headline, "en")
    assert "healed" in phrase(ran.headline, "en")


def test_a_death_while_holter_may_restart_it_is_not_yet_the_end() -> None:
    run = Run().startup().epoch(0).train(1, 10).die().down(2).restart().down(3)
    ran = outcome_of(msgspec.structs.replace(made(run), finished=False), is_over=False)
    assert ran.state == "restarting"
    assert outcome_of(msgspec.structs.replace(made(run), finished=False), is_over=True).state == "cut"


def test_what_holter_starts_again_is_not_to_be_started_a_second_time() -> None:
    dead = read(TAPES / "external_kill/main_sigkill.holter")
    ran = outcome_of(dead, diagnose_recording(dead, is_over=True), is_over=True)
    assert (ran.state, ran.cause) == ("dead", "external-kill")
    assert ran.next_command is not None and ran.next_command.endswith(" --c")
    last, contract = dead.all_ticks[-1], dead.contract()
    assert contract is not None
    does = tuple(
        Ability(name=ability.name, can=True, what=ran.next_command if ability.name == "restart" else None)
        for ability in contract.does
    )
    can = msgspec.structs.replace(contract, does=does)
    ticks = (*dead.all_ticks[:-1], msgspec.structs.replace(last, events=(*last.events, can)))
    healing = msgspec.structs.replace(dead, all_ticks=ticks, finished=False)
    ran = outcome_of(healing, diagnose_recording(healing, is_over=False), is_over=False)
    assert ran.state == "restarting"
    assert ran.next_command == f"holter top {dead.path}"


def test_times_are_those_of_the_machine_and_the_day_is_named_when_it_changes() -> None:
    run = Run().startup().train(0, 3)
    run.event(EpochEnded(t_s=float(run.t), epoch=0)).go_on(2)
    run.event(ProcessEnded(t_s=float(run.t), pid=run.pid, role="main", exit_signal=9)).go_on(1)
    late = made(run, wall_start="2026-11-28T15:59:50+00:00")
    ran = outcome_of(late, is_over=True)
    assert phrase(ran.headline, "en").startswith("Dead since 2026-11-29 00:00, after 1 of 4 epochs")
    when = phrase(identity_of(ran)[-1], "en")
    assert when == "2026-11-28 23:59 – 2026-11-29 00:00 (15 s), ended by signal SIGKILL"
    unknown = made(run, wall_start="")
    assert phrase(outcome_of(unknown, is_over=True).headline, "en").startswith("Dead, after 1 of 4 epochs")


def test_orphans_come_from_the_note_and_not_from_a_running_training() -> None:
    run = Run().startup().train(0, 5).event(Noted(t_s=3.0, what="orphans-left", text="11 12 x")).go_on(3)
    assert outcome_of(made(run), is_over=False).orphans == ()
    run.die().go_on(1)
    assert outcome_of(made(run), is_over=True).orphans == (11, 12)


def test_workers_that_holter_ended_are_not_left_although_nobody_saw_their_end() -> None:
    """A worker of many threads that was killed a moment ago is neither alive nor a zombie yet."""
    note = Noted(t_s=3.0, what="orphans-left", pids=(11, 12))
    run = Run().startup().train(0, 5).event(note).go_on(3)
    run.event(ActionTaken(t_s=3.0, action="end-group", state="begun", pids=(11, 12)))
    run.die().go_on(1)
    assert outcome_of(made(run), is_over=True).orphans == (11, 12)
    run.event(ActionTaken(t_s=3.1, action="end-group", state="done", pids=(11,)))
    assert outcome_of(made(run), is_over=True).orphans == (12,)


def test_an_empty_recording_has_no_training() -> None:
    ran = outcome_of(Recording(), is_over=True)
    assert ran.state == "nothing-trained"
    assert identity_of(ran) == ()
    assert not ran.is_good


@pytest.mark.parametrize(
    ("end", "finished", "state", "said"),
    [
        (0, True, "finished", "Finished. Stopped once, went on by itself, 41 s lost."),
        (1, True, "dead", "Dead since 03:01. Stopped once, went on by itself, 41 s lost."),
        (None, True, "cut", "The recording ends before the training"),
    ],
)
def test_what_stalled_was_work_also_where_no_step_can_be_seen(end, finished, state, said) -> None:
    """A plain PyTorch loop with a stopped worker."""
    run = Run().down(90).episode("stall", 20.0, 61.0)
    if end is not None:
        run.event(ProcessEnded(t_s=89.0, pid=1, role="main", exit_code=end))
    recording = msgspec.structs.replace(made(run), finished=finished)
    ran = outcome_of(recording, is_over=True)
    assert ran.state == state
    assert said in phrase(ran.headline, "en")
    assert ran.next_command != "holter doctor"


@pytest.mark.parametrize(("code", "epochs"), [(1, 0), (1, 1), (None, 0)])
def test_what_failed_before_its_first_epoch_is_not_continued(code: int | None, epochs: int) -> None:
    run = Run().startup(20)
    for epoch in range(epochs):
        run.epoch(epoch)
    end = {"exit_signal": 9} if code is None else {"exit_code": code}
    run.event(ProcessEnded(t_s=float(run.t), pid=run.pid, role="main", **end)).down(5)
    run.episode("death", float(run.t - 6), None)
    command = ("nnUNetv2_train", "4", "3d_fullres", "0")
    recording = msgspec.structs.replace(made(run, command=command), path=Path("x.holter"))
    ran = outcome_of(recording, diagnose_recording(recording, is_over=True), is_over=True)
    assert ran.state == "dead" and ran.next_command is not None
    # A signal, such as a scheduler's, says nothing against another try.
    assert ran.next_command.endswith("--c") == (code is None or epochs > 0), ran.next_command


def test_the_next_command_works_in_any_folder() -> None:
    run = Run().startup(20).epoch(0)
    run.event(ProcessEnded(t_s=float(run.t), pid=run.pid, role="main", exit_signal=9)).down(5)
    run.episode("death", float(run.t - 6), None)
    recording = made(run, command=("bin/nnUNetv2_train", "4", "3d_fullres", "0"), working_folder="/my work")
    ran = outcome_of(recording, diagnose_recording(recording, is_over=True), is_over=True)
    assert ran.next_command == "cd '/my work' && bin/nnUNetv2_train 4 3d_fullres 0 --c"


@pytest.mark.parametrize(("end", "names"), [(None, True), ({"exit_code": 130}, False), ({"exit_signal": 9}, False)])
def test_after_the_end_no_command_names_a_process_of_the_run(end: dict[str, int] | None, names: bool) -> None:
    recording = read(TAPES / "frozen_worker/fault.holter")
    stall = msgspec.structs.replace(recording.episodes()[0], end_s=None)
    ticks = tuple(tick for tick in recording.all_ticks if tick.t_s <= stall.alarm_s + 3)
    running = msgspec.structs.replace(recording, all_ticks=ticks, all_episodes=(stall,), finished=False)
    found = diagnose_recording(running, is_over=False)[0]
    if end is not None:
        last = ProcessEnded(t_s=ticks[-1].t_s + 1, pid=recording.environment.main_pid, role="main", **end)
        ticks += (Tick(t_s=last.t_s, events=(last,)),)
    cut = msgspec.structs.replace(running, all_ticks=ticks, finished=end is not None)
    ran = outcome_of(cut, (found,), is_over=end is not None)
    assert ran.fates == ("open",), ran
    assert ("kill -CONT" in (ran.next_command or "")) == names, ran.next_command


@pytest.mark.parametrize(
    ("command", "is_of_process"),
    [
        ("cd /scratch/4711/work && ./nnUNetv2_train 4 3d_fullres 0 --c", False),
        ("nnUNetv2_train 4711 3d_fullres 0 --c", False),
        ("df -hT /data/Dataset004_4711", False),
        ("holter diagnose /runs/4711/x.holter", False),
        ("kill 4711", True),
        ("kill -CONT 12 4711", True),
        ("py-spy dump --pid 4711", True),
        ("ps -o pid,stat --pid 12 --ppid 4711", True),
        ("for pid in $(pgrep -P 4711); do taskset -a -c -p 0-7 $pid; done", True),
        ("holter attach 4711", True),
    ],
)
def test_a_number_is_a_pid_only_where_a_command_takes_one(command: str, is_of_process: bool) -> None:
    diagnosis = Diagnosis(
        episode=Episode(kind="death", start_s=1.0, alarm_s=1.0),
        verdicts=(Verdict(cause="frozen-worker", verdict="confirmed", score=0.9),),
        remedies=(("frozen-worker", (Remedy(id="one", command=command), Remedy(id="other", command="true"))),),
    )
    assert first_command(diagnosis) == command
    assert first_command(diagnosis, gone=frozenset({4711})) == ("true" if is_of_process else command)


def stalls(times: int) -> tuple[Recording, tuple[Diagnosis, ...]]:
    """A run with equal stalls, each of 14 s, of worker 0 and worker 1 in turn."""
    recording = read(TAPES / "frozen_worker/fault.holter")
    found = diagnose_recording(recording, is_over=True)[0]
    episodes = [
        msgspec.structs.replace(
            found.episode,
            start_s=float(60 * number),
            alarm_s=60.0 * number + 5,
            end_s=60.0 * number + 14,
            subject=Subject(role="train-worker", index=number % 2, pid=7554 + number),
        )
        for number in range(times)
    ]
    return recording, tuple(msgspec.structs.replace(found, episode=episode) for episode in episodes)


def test_eighteen_equal_stalls_are_told_once() -> None:
    recording, diagnoses = stalls(18)
    out = StringIO()
    ran = outcome_of(recording, diagnoses, is_over=True)
    print_diagnosis(Console(file=out, width=80, color_system=None), recording, diagnoses, "en", ran=ran)
    lines = out.getvalue().splitlines()
    assert "Stalled 18 times, 4 min 12 s in all: a data worker is stopped, and can hold up" in lines
    assert lines[0].startswith("Finished: 4 epochs. Stopped 18 times, went on by itself, ")
    assert len(lines) < 60
    assert "and 12 more" in out.getvalue()


def test_two_workers_that_are_stopped_at_once_are_one_stall() -> None:
    path = TAPES / "frozen_worker/workers_sigstop.holter"
    recording = read(path)
    diagnoses = diagnose_recording(recording, is_over=True)
    assert len(diagnoses) == 2
    out = StringIO()
    ran = outcome_of(recording, diagnoses, is_over=True)
    print_diagnosis(Console(file=out, width=400, color_system=None), recording, diagnoses, "en", ran=ran)
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("Stalled ")]
    assert line.startswith("Stalled in epoch 1, 12 s: ")
    assert "2 times" not in out.getvalue() and "not over: 2" not in out.getvalue()


def test_stalls_that_overlap_are_counted_once_and_their_time_too() -> None:
    recording, diagnoses = stalls(3)
    late = diagnoses[1].episode
    overlaps = msgspec.structs.replace(
        diagnoses[2],
        episode=msgspec.structs.replace(diagnoses[2].episode, start_s=late.start_s + 4, end_s=late.start_s + 20),
    )
    (group,) = grouped(recording, (diagnoses[0], diagnoses[1], overlaps), ("over", "over", "healed"))
    assert [(moment.start_s, moment.spent_s, moment.fate) for moment in moments(group, recording)] == [
        (0.0, 14.0, "over"),
        (60.0, 20.0, "healed"),
    ]
    assert group_headline(group, recording, "en").startswith("Stalled 2 times, 34 s in all: ")


def test_one_that_is_not_over_is_told_in_full_before_those_that_are() -> None:
    recording, diagnoses = stalls(3)
    last = msgspec.structs.replace(diagnoses[2], episode=msgspec.structs.replace(diagnoses[2].episode, end_s=None))
    other = msgspec.structs.replace(diagnoses[0], verdicts=())
    groups = grouped(recording, (other, diagnoses[1], last), ("over", "healed", "open"))
    assert [group.fate for group in groups] == ["open", "over"]
    assert groups[0].shown is last
    assert groups[0].numbers == (2, 3)


@pytest.mark.parametrize(
    ("fates", "codes"),
    [
        ((), {"open": False, "unhealed": False, "any": False}),
        (("healed", "healed"), {"open": False, "unhealed": False, "any": True}),
        (("healed", "over"), {"open": False, "unhealed": True, "any": True}),
        (("open",), {"open": True, "unhealed": True, "any": True}),
    ],
)
def test_who_asks_for_an_exit_code_says_what_counts(fates: tuple[str, ...], codes: dict[str, bool]) -> None:
    assert {name: FailOn(name).fails(fates) for name in codes} == codes
    assert not FailOn.never.fails(fates)


def test_json_has_the_outcome_and_the_fate_and_clock_of_each_episode() -> None:
    recording = read(TAPES / "frozen_worker/fault.holter")
    diagnoses = diagnose_recording(recording, is_over=True)
    ran = outcome_of(recording, diagnoses, is_over=True)
    document = to_json(diagnoses, "en", recording=recording, ran=ran)
    assert document["outcome"]["state"] == "finished"
    assert document["outcome"]["identity"]["dataset"] == "Dataset801_HolterBrain"
    assert document["outcome"]["exit_code"] == 0
    assert document["episodes"][0]["fate"] == "over"
    assert document["episodes"][0]["start_wall"] == "2026-11-23T12:57:48+00:00"


@pytest.mark.parametrize("name", ["frozen_worker/fault", "worker_killed/fault", "quiet/as_usual", "quiet/interrupted"])
def test_the_last_line_is_the_verdict_and_the_next_command(name: str) -> None:
    recording = read(TAPES / f"{name}.holter")
    diagnoses = diagnose_recording(recording, is_over=True)
    out = StringIO()
    ran = outcome_of(recording, diagnoses, is_over=True)
    print_diagnosis(Console(file=out, width=80, color_system=None), recording, diagnoses, "en", ran=ran)
    last = out.getvalue().splitlines()[-1]
    assert last.startswith("Verdict: ")
    assert ". Next: " in last


def verdict(recording: Recording) -> str:
    diagnoses = diagnose_recording(recording, is_over=True)
    return phrase(verdict_of_run(outcome_of(recording, diagnoses, is_over=True), recording), "en")


def test_trouble_that_is_over_is_not_called_open_where_the_recording_ends_before_the_training() -> None:
    recording = read(TAPES / "frozen_worker/fault.holter")
    until_s = min(event.t_s for event in recording.events(ProcessEnded)) - 1
    cut = msgspec.structs.replace(recording, all_ticks=tuple(recording.ticks(end_s=until_s)))
    seen = verdict(cut)
    assert seen.startswith("Verdict: the recording ends before the training, with a problem that is over.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"finished": False}, "Verdict: the recording breaks off, with a problem that is over."),
        ({"damage": "stacks"}, "Verdict: the recording is damaged or cut, with a problem that is over."),
    ],
)
def test_the_verdict_knows_as_little_of_the_training_as_the_headline(change: dict[str, object], said: str) -> None:
    recording = read(TAPES / "frozen_worker/fault.holter")
    until_s = min(event.t_s for event in recording.events(ProcessEnded)) - 1
    cut = msgspec.structs.replace(recording, all_ticks=tuple(recording.ticks(end_s=until_s)), **change)
    assert verdict(cut).startswith(said)


def test_a_training_that_may_still_run_is_not_started_a_second_time() -> None:
    recording = read(TAPES / "frozen_worker/workers_sigstop.holter")
    assert verdict(read(TAPES / "worker_killed/fault.holter")).endswith("--c")
    seen = verdict(recording)
    assert " the recording ends before the training, with a problem until the end (frozen-worker)." in seen
    assert recording.environment is not None
    assert seen.endswith(f"Next: holter attach {recording.environment.main_pid}")


@pytest.mark.parametrize("state", ["done", "begun"])
def test_a_training_that_was_asked_to_stop_is_not_dead_whether_its_epoch_could_end_or_not(state: str) -> None:
    run = Run().startup().epoch(0).train(1, 5).act("stop", "begun", source="hook")
    if state == "done":
        run = run.go_on(10).act("stop", "done", source="hook")
    else:  # SIGTERM: after 20 s Holter ends it
        run = run.go_on(20).act("end-group", "begun")
    ran = outcome_of(made(run.die(15)), is_over=True)
    assert (ran.state, ran.exit_code) == ("requeue", 75)
    assert ("Saved" in phrase(ran.headline, "en")) == (state == "done")


@pytest.mark.parametrize(
    ("signal", "asked_s", "passed_on", "state"),
    [(15, 0.5, False, "requeue"), (9, 0.5, False, "dead"), (15, 30.0, False, "dead"), (15, 0.5, True, "dead")],
)
def test_slurm_cancels_a_job_and_its_signal_reaches_the_training_before_it_is_asked_to_save(
    signal: int, asked_s: float, passed_on: bool, state: str
) -> None:
    run = Run().startup().epoch(0).train(1, 40)
    at_s = float(run.t) - asked_s
    run.event(Noted(t_s=at_s, what="asked-to-end", message=ASKED(signal="SIGTERM")))
    if passed_on:  # by holter run, which asks for nothing
        run.event(Noted(t_s=at_s, what="signal-passed-on", message=NOTE_PASSED_ON(signal="SIGTERM")))
    ran = outcome_of(made(run.die(signal)), is_over=True)
    assert ran.state == state
    assert ("Stopped as asked" in phrase(ran.headline, "en")) == (state == "requeue")


def test_a_stop_that_failed_is_no_stop() -> None:
    run = Run().startup().epoch(0).train(1, 5).act("stop", "begun", source="hook").act("stop", "failed", source="hook")
    assert outcome_of(made(run.go_on(100).die()), is_over=True).state == "dead"


def without_cause(name: str) -> Diagnosis:
    recording = read(TAPES / f"{name}.holter")
    return msgspec.structs.replace(diagnose_recording(recording, is_over=True)[0], verdicts=())


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("slow_storage/fault", "Waits for storage (state D): worker 0 (PID 24317), worker 1 (PID 24318)."),
        ("shm_too_small/shm_full", "/dev/shm was 100 % full."),
        ("cgroup_cpu_quota/fault", "A CPU quota held the run back in 100 % of its periods."),
        ("gpu_lost_or_gsp/gpu_lost", "The GPU or its driver fails: GPU 0: the driver does not reach this GPU"),
    ],
)
def test_without_a_cause_the_most_unusual_comes_first_in_a_sentence(name: str, first: str) -> None:
    said = [phrase(sentence, "en") for sentence in unusual(without_cause(name))]
    assert said[0].startswith(first)
    assert len(said) <= 5
    assert all(sentence[0].isupper() or sentence[0].isdigit() or sentence[0] == "/" for sentence in said)


def test_what_is_as_usual_is_no_finding() -> None:
    calm = Diagnosis(
        episode=Episode(kind="stall", start_s=1.0, alarm_s=2.0),
        facts=(
            Fact(name="oom.kills", value=0, detail="counted by the cgroup"),
            Fact(name="step.times_usual", value=1.1),
            Fact(name="disk.full", value=False),
            Fact(name="activity.present", value=True),
            Fact(name="gpu.clock_ratio", value=0.99),
            Fact(name="workers.stopped", value=()),
            Fact(name="queue.ready", value="some"),
            Fact(name="wait.ratio", status="unknown"),
        ),
    )
    assert unusual(calm) == ()


@pytest.mark.parametrize(("times", "said"), [(1, "once"), (2, "twice"), (5, "5 times")])
def test_workers_that_were_replaced_before_an_alarm_are_not_left_out(times: int, said: str) -> None:
    run = Run().startup().train(0, 20)
    for _ in range(times):
        run.act("replace-workers", "done").go_on(5)
    run.finish_epoch(0).event(ProcessEnded(t_s=float(run.t), pid=run.pid, role="main", exit_code=0))
    recording = made(run, num_epochs=1)
    assert f"Data workers replaced {said}." in phrase(outcome_of(recording, (), is_over=True).headline, "en")
    assert "nothing else was wrong" in quiet(recording, "en")


def test_an_earlier_process_with_the_pid_of_an_orphan_does_not_hide_it() -> None:
    note = Noted(t_s=8.0, what="orphans-left", pids=(11, 12))
    run = Run().startup().train(0, 5)
    run.event(ProcessEnded(t_s=2.0, pid=11, role="train-worker", exit_code=0))
    run.event(ActionTaken(t_s=3.0, action="end-group", state="done", pids=(12,))).event(note).go_on(3).die().go_on(1)
    assert outcome_of(made(run), is_over=True).orphans == (11, 12)
    run.event(ProcessEnded(t_s=float(run.t), pid=12, role="train-worker", exit_signal=9)).go_on(1)
    assert outcome_of(made(run), is_over=True).orphans == (11,)
