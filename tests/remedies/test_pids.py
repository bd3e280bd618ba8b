"""A command names a PID only while the process of that number is the one that is meant."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import msgspec
import pytest

from holter.diagnosis.result import is_over
from holter.diagnosis.targets import read_tape
from holter.records import Diagnosis, Environment, Episode, Fact, Verdict
from holter.remedies import propose
from holter.remedies.diagnose import diagnose_recording
from holter.remedies.next_checks import next_checks
from holter.tape import read

TAPES = Path(__file__).parents[1] / "tapes"
NAMES_A_PID = re.compile(r"\b(?:kill|taskset|py-spy|pgrep)\b[^;|]*\b\d{2,}")
STALL = Episode(kind="stall", start_s=10.0, alarm_s=20.0, detector="stall", subject="training", pid=7)
ENVIRONMENT = Environment(wall_start="2026-11-28T00:00:00+00:00", command=("python", "t.py"), main_pid=107)


def proposed(episode: Episode, *, is_over: bool) -> dict[str, str | None]:
    """Commands by the id of their remedy, for a frozen worker and a main process that stands or is stopped."""
    facts = (Fact(name="workers.stopped_pids", value=("8", "9")), Fact(name="cpu.visible", value=4))
    causes = ("frozen-worker", "main-stands-still", "main-stopped", "affinity-clobbered")
    verdicts = tuple(Verdict(cause=cause, verdict="likely", score=0.6) for cause in causes)
    found = propose(Diagnosis(episode=episode, verdicts=verdicts, facts=facts), ENVIRONMENT, is_over=is_over)
    return {offer.id: offer.command for _, some in found.remedies for offer in some}


def test_while_it_runs_commands_name_the_processes_of_the_episode():
    commands = proposed(STALL, is_over=False)
    assert commands["continue-process"] == "kill -CONT 8 9"
    assert commands["continue-main"] == "kill -CONT 7", "not the process that a restart has put in its place"
    assert commands["see-stacks"] == "py-spy dump --pid 7"
    of_worker = msgspec.structs.replace(STALL, subject="train-worker 1 (PID 7)")
    assert proposed(of_worker, is_over=False)["continue-main"] == "kill -CONT 107"


@pytest.mark.parametrize(("end_s", "is_over"), [(None, True), (30.0, False)])
def test_what_is_over_leaves_nobody_to_send_a_signal_to(end_s, is_over):
    commands = proposed(msgspec.structs.replace(STALL, end_s=end_s), is_over=is_over)
    for name in ("continue-process", "continue-main", "see-stacks", "unpin-now"):
        assert commands[name] is None


@pytest.mark.parametrize(
    "tape", ["no_exit_after_finish/process_stays", "frozen_worker/fault", "main_stopped/main_sigstop"]
)
def test_a_tape_of_before_names_no_process(tape):
    path = TAPES / f"{tape}.holter"
    diagnoses = read_tape(path).diagnoses
    commands = [offer.command or "" for found in diagnoses for _, some in found.remedies for offer in some]
    looks = [check.command for found in diagnoses for check in next_checks(found, read(path).environment)]
    assert [command for command in (*commands, *looks) if NAMES_A_PID.search(command)] == []


@pytest.mark.parametrize(("ago_s", "is_named"), [(1.0, True), (3600.0, False)])
def test_a_tape_that_is_still_written_does_and_one_whose_recorder_was_killed_does_not(ago_s, is_named):
    recording = read(TAPES / "frozen_worker" / "fault.holter")
    now = datetime.datetime.now(datetime.timezone.utc)
    began = now - datetime.timedelta(seconds=recording.duration_s + ago_s)
    open_ = tuple(msgspec.structs.replace(episode, end_s=None) for episode in recording.episodes())
    environment = msgspec.structs.replace(recording.environment, wall_start=began.isoformat())
    recording = msgspec.structs.replace(recording, finished=False, all_episodes=open_, environment=environment)
    (diagnosis, *_) = diagnose_recording(recording, is_over=is_over(recording))
    commands = [offer.command or "" for _, some in diagnosis.remedies for offer in some]
    assert any(NAMES_A_PID.search(command) for command in commands) == is_named


def test_a_job_is_no_container_and_a_case_is_named_where_it_is_known():
    verdicts = tuple(
        Verdict(cause=cause, verdict="likely", score=0.6)
        for cause in ("cgroup-cpu-quota", "blosc2-io", "fold-start-race")
    )

    def offered(*facts: Fact) -> set[str]:
        diagnosis = Diagnosis(episode=STALL, verdicts=verdicts, facts=facts)
        return {offer.id for _, some in propose(diagnosis, ENVIRONMENT, is_over=True).remedies for offer in some}

    told = {"raise-quota", "raise-quota-of-container", "preprocess-case-again"}
    assert offered() & told == {"raise-quota"}
    assert offered(Fact(name="scope.container", value=True)) & told == {"raise-quota-of-container"}
    assert offered(Fact(name="workers.case", value="case_3")) & told == {"raise-quota", "preprocess-case-again"}
