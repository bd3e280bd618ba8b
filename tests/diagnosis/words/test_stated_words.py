"""What a person copies of a console is understood, and what he states himself holds."""

from __future__ import annotations

import json

import pytest

from holter.diagnosis.targets import read_evidence
from holter.evidence.stated.read import read_stated
from holter.records import Verdict

ECHO = "RuntimeError: One or more background workers are no longer alive. Exiting."


def content(facts: dict[str, object]) -> bytes:
    return json.dumps({"facts": facts}).encode()


def values(**facts: object) -> dict[str, object]:
    stated = read_stated(content({name.replace("__", "."): value for name, value in facts.items()}), "e.json")
    return {fact.name: fact.value for fact in stated.evidence.facts if fact.status == "known"}


def first(facts: dict[str, object]) -> Verdict:
    return read_evidence(content(facts), "e.json").diagnoses[0].verdicts[0]


def test_the_text_of_an_exception_says_its_kind() -> None:
    found = values(exception__first="RuntimeError: CUDA out of memory")
    assert (found["exception.kind"], found["exception.cuda_oom"]) == ("cuda-oom", True)
    assert first({"exception.first": "RuntimeError: CUDA out of memory"}).cause == "gpu-out-of-memory"


def test_what_python_prints_is_another_error_and_what_somebody_tells_may_be_any() -> None:
    found = values(exception__first="ValueError: could not broadcast")
    assert (found["exception.kind"], found["exception.cuda_oom"]) == ("other", False)
    assert "exception.kind" not in values(exception__first="it crashed while loading")


def test_what_is_stated_itself_holds() -> None:
    found = values(
        exception__first="RuntimeError: CUDA out of memory", exception__kind="memory", echo__says="export",
        gpu__licence_text="Licensed (Expiry: 2027-1-1)", gpu__licence_stage="unlicensed",
    )  # fmt: skip
    assert (found["exception.kind"], found["exception.cuda_oom"]) == ("memory", False)
    assert (found["echo.says"], found["gpu.licence_stage"]) == ("export", "unlicensed")


def test_an_echo_is_no_exception() -> None:
    found = values(exception__first=ECHO)
    assert found["echo.says"] == "training"
    assert not {"exception.first", "exception.kind", "exception.cuda_oom"} & found.keys()
    assert first({"exception.first": ECHO}).cause == "secondary-worker-message"


def test_an_echo_beneath_the_error_itself_takes_nothing_away() -> None:
    found = values(exception__first=f"MemoryError\n{ECHO}")
    assert (found["exception.kind"], found["echo.says"]) == ("memory", "training")
    assert values(exception__first=f"ValueError: bad\n{ECHO}")["exception.kind"] == "other"


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("Unlicensed (Restricted)", "unlicensed-restricted"),
        ("License Status : Unlicensed (Unrestricted)", "unlicensed-unrestricted"),
        ("Licensed (Expiry: 2027-1-1 8:0:0 GMT)", "licensed"),
        ("Unlicensed", "unlicensed"),
        ("no idea", None),
    ],
)
def test_the_licence_text_says_the_stage(text: str, stage: str | None) -> None:
    assert values(gpu__licence_text=text).get("gpu.licence_stage") == stage


def test_stated_versions_say_whether_they_fit() -> None:
    found = values(software__driver="470.10", software__cuda="12.1")
    assert found["gpu.driver_fits"] is False
    assert "gpu.capability_fits" not in found


def test_a_kill_in_an_unknown_phase_is_sooner_one_of_the_training() -> None:
    assert first({"oom.kills": 1}).cause == "ram-oom-train-worker"
