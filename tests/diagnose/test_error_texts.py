"""Errors as consoles show them, where the text says more than the kind of its exception."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnose.logs import v2
from holter.records import Verdict
from holter.supervisor.found import Found
from holter.supervisor.targets import diagnose_target

RAISES = 'Traceback (most recent call last):\n  File "/x/nnUNetTrainer.py", line 1237, in run_training\n    step()\n'


def told_by(tail: str, folder: Path) -> Found:
    console = folder / "console.txt"
    console.write_text(v2([160.0] * 3, cut=True) + tail + "\n", encoding="utf-8")
    return diagnose_target(str(console), tell_look=lambda t_s: None)


def judged(told: Found) -> dict[str, Verdict]:
    return {verdict.cause: verdict for verdict in told.diagnoses[0].verdicts}


def leads(told: Found) -> tuple[str, str]:
    first = told.diagnoses[0].verdicts[0]
    return first.cause, first.verdict


def known(told: Found) -> dict[str, object]:
    return {fact.name: fact.value for fact in told.diagnoses[0].facts if fact.status == "known"}


OPENS = "RuntimeError: unable to open shared memory object </torch_2331_1234_9> in read-write mode: "


def test_shared_memory_that_cannot_be_opened_for_want_of_descriptors_is_not_too_small(tmp_path: Path) -> None:
    told = told_by(f"{RAISES}{OPENS}Too many open files (24)", tmp_path)
    assert leads(told) == ("fd-exhaustion", "likely")
    assert judged(told)["shm-too-small"].verdict == "excluded"


@pytest.mark.parametrize(
    ("error", "sure"),
    [
        ("RuntimeError: unable to write to file </torch_71_12>: No space left on device (28)", "confirmed"),
        (f"{OPENS}No such file or directory (2)", "likely"),
    ],
)
def test_only_a_want_of_room_confirms_that_shared_memory_is_too_small(error: str, sure: str, tmp_path: Path) -> None:
    assert leads(told_by(f"{RAISES}{error}", tmp_path)) == ("shm-too-small", sure)


WRITER = "RuntimeError: [enforce fail at inline_container.cc:424] . PytorchStreamWriter failed writing file data/412"
POSITION = "RuntimeError: [enforce fail at inline_container.cc:325] . unexpected pos 1098240 vs 1098134"


@pytest.mark.parametrize(
    "error",
    [
        "OSError: 1048576 requested and 0 written",
        f"{WRITER}: file write failed",
        POSITION,
        f"{WRITER}\n\nDuring handling of the above exception, another exception occurred:\n\n{RAISES}{POSITION}",
    ],
)
def test_a_write_that_fails_without_a_reason_is_likely_a_full_disk(error: str, tmp_path: Path) -> None:
    told = told_by(f"{RAISES}{error}", tmp_path)
    assert leads(told) == ("disk-full-or-quota", "likely")
    assert known(told)["exception.kind"] == "no-space"
    reason = next(fact.reason for fact in told.diagnoses[0].facts if fact.name == "disk.error")
    assert (reason or "").startswith("the error does not say why: ")


def test_a_checkpoint_that_cannot_be_read_is_no_full_disk(tmp_path: Path) -> None:
    reader = "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory"
    assert leads(told_by(f"{RAISES}{reader}", tmp_path))[0] != "disk-full-or-quota"
