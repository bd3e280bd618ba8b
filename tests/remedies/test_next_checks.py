"""What to check at next: commands for open questions, and none where everything is answered."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from holter.diagnosis.targets import read_evidence
from holter.evidence.vocabulary import NAMES
from holter.records import Diagnosis, Environment
from holter.remedies.next_checks import MAX_CHECKS, check_for, next_checks
from holter.remedies.next_checks_table import CHECK_COMMANDS, WINDOWS
from holter.reports.catalogue import known


def diagnosis(**facts: object) -> Diagnosis:
    named = {name.replace("__", "."): value for name, value in facts.items()}
    return read_evidence(json.dumps({"facts": named}).encode(), "e.json").diagnoses[0]


def test_every_check_has_words_and_tells_facts_that_exist() -> None:
    for check in CHECK_COMMANDS:
        assert known(f"look.{check.id}")
        for name in check.facts:
            assert name in NAMES or (name.endswith(".") and any(fact.startswith(name) for fact in NAMES)), name


@pytest.mark.parametrize("check", CHECK_COMMANDS, ids=lambda check: check.id)
def test_every_command_is_one_that_a_shell_understands(check: object) -> None:
    bash = shutil.which("bash")
    assert bash
    command = check.command.replace("{", "").replace("}", "")  # type: ignore[attr-defined]
    assert subprocess.run([bash, "-n", "-c", command], check=False).returncode == 0


def test_an_unlicensed_vgpu_asks_for_what_confirms_it() -> None:
    found = diagnosis(episode__kind="stall", gpu__virtualization="vgpu", gpu__licence_stage="unlicensed-restricted")
    assert found.verdicts[0].cause == "vgpu-unlicensed"
    assert next_checks(found)[0].id in ("stacks", "gpu")
    assert "main.waits_on" in {fact for check in next_checks(found) for fact in check.facts}


def test_nothing_known_of_a_slow_training_asks_for_workers_and_gpu() -> None:
    checks = [check.id for check in next_checks(diagnosis(episode__kind="slow-down", epochs__shape="step-up"))]
    assert len(checks) == MAX_CHECKS
    assert {"processes", "gpu"} <= set(checks)


def test_nobody_looks_into_a_process_that_has_ended() -> None:
    checks = next_checks(diagnosis(episode__kind="death", main__exit_signal=9), Environment(wall_start="", main_pid=7))
    assert checks
    assert not {"stacks", "processes", "live"} & {check.id for check in checks}


def test_a_pid_and_folders_that_are_known_stand_in_the_commands() -> None:
    environment = Environment(wall_start="", main_pid=4711, preprocessed_folder="/data/my set")
    checks = next_checks(diagnosis(episode__kind="stall"), environment)
    told = "\n".join(check.command for check in checks)
    assert "4711" in told
    assert "pgrep" not in told


def test_windows_is_asked_in_powershell() -> None:
    checks = next_checks(diagnosis(episode__kind="stall", system__os="windows"))
    assert checks
    assert all(check.command == WINDOWS[check.id] for check in checks)
    assert not any(word in check.command for check in checks for word in ("/proc", "/sys", "dmesg", "grep", "ps -o"))


def test_nobody_searches_a_console_that_was_read() -> None:
    found = diagnosis(episode__kind="stall")
    asked = {check.id for check in next_checks(found, Environment(wall_start=""))}
    read = {check.id for check in next_checks(found, Environment(wall_start="", console="read"))}
    assert "first-exception" in asked - read


def test_what_is_confirmed_leaves_nothing_to_look_at() -> None:
    found = diagnosis(
        episode__kind="stall",
        workers__stopped=["train-worker 2 (PID 4713)"],
        main__waits_on="batch-queue",
        results_loop__waits_on="tensor-hand-over",
        queue__ready="empty",
    )
    assert found.verdicts[0].verdict == "confirmed"
    assert next_checks(found) == ()


def test_only_facts_that_nobody_saw_are_asked_for() -> None:
    found = diagnosis(episode__kind="stall", main__waits_on="batch-queue")
    known = {fact.name for fact in found.facts if fact.status == "known"}
    asked = {fact for check in next_checks(found) for fact in check.facts}
    assert asked
    assert not asked & known
    assert all(check_for(fact) in CHECK_COMMANDS for fact in asked)


@pytest.mark.parametrize(
    ("facts", "wanted", "places"),
    [
        ({"episode__kind": "stall", "symptoms": ["output-hidden"]}, "log", 1),
        ({"episode__kind": "death", "system__container": "docker"}, "shared-memory", 1),
        ({"episode__kind": "death", "system__container": "docker", "echo__says": "training"}, "shared-memory", 3),
        ({"episode__kind": "stall", "system__container": "docker"}, "shared-memory", 5),
        ({"episode__kind": "death", "symptoms": ["faulty-hardware"], "main__exit_signal": 11}, "hardware", 1),
        ({"episode__kind": "slow-down", "symptoms": ["slow-from-start"]}, "cpus", 5),
        ({"episode__kind": "slow-down", "gpu__virtualization": "vgpu"}, "gpu", 1),
    ],
    ids=["silent console", "docker, death", "docker, echo", "docker, hang", "crashes move", "always slow", "vgpu"],
)
def test_what_settled_such_cases_before_is_looked_at(facts: dict[str, object], wanted: str, places: int) -> None:
    assert wanted in [check.id for check in next_checks(diagnosis(**facts))][:places]


def test_a_look_that_settles_nothing_more_is_left_out() -> None:
    facts: dict[str, object] = {"episode__kind": "death", "system__container": "docker"}
    before = [check.id for check in next_checks(diagnosis(**facts))]
    after = [check.id for check in next_checks(diagnosis(**facts, shm__total_bytes=64e9, shm__used_ratio=0.01))]
    assert before.index("shared-memory") == 0
    assert after[:1] != ["shared-memory"]
