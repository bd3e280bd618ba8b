"""A tape that was cut: what is said of it is one sentence of Holter's own."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from holter.diagnosis.targets import read_tape
from holter.errors import TapeError
from holter.reports.terminal import print_diagnosis
from said import english

TAPES = Path(__file__).parents[1] / "tapes"
CUTS = {
    "many tables": ("frozen_worker/fault", 40_960),
    "single records": ("cuda_device_assert/gpu_assert_likely", 50_000),
    "no reading is left": ("frozen_worker/fault", 20_000),
    "the training is lost": ("affinity_clobbered/affinity_clobbered_likely", 20_000),
    "another one": ("truncated_preprocessed_file/cut_plans", 20_000),
}
# The words of SQLite, zlib and Python for garbage; nobody who reads a report can use them.
INNER_WORDS = re.compile(r"malformed|NoneType|decompress|Error -?\d|JSON|Object missing")


def shown(tape: Path) -> str:
    try:
        result = read_tape(tape)
    except TapeError as error:
        return english(error.what)
    out = StringIO()
    print_diagnosis(
        Console(file=out, width=400, color_system=None), result.recording, result.diagnoses, ran=result.outcome
    )
    return out.getvalue()


@pytest.mark.parametrize("cut", CUTS)
def test_a_tape_that_was_cut_is_called_damaged_in_own_words(cut: str, tmp_path: Path) -> None:
    name, size = CUTS[cut]
    tape = tmp_path / "cut.holter"
    tape.write_bytes((TAPES / f"{name}.holter").read_bytes()[:size])
    text = shown(tape)
    assert "damaged" in text, text
    assert not INNER_WORDS.search(text), text
    assert "No training was seen" not in text, text


def test_a_damaged_tape_without_a_training_sends_nobody_to_the_doctor(tmp_path: Path) -> None:
    tape = tmp_path / "cut.holter"
    tape.write_bytes((TAPES / "export_lost_result_hang/export_sigkill.holter").read_bytes()[:20_000])
    text = shown(tape)
    assert text.startswith("The recording is damaged or cut; what can be read of it shows no training."), text
    assert "holter doctor" not in text, text


def test_what_happened_on_a_damaged_tape_comes_before_the_training_that_it_lost(tmp_path: Path) -> None:
    tape = tmp_path / "cut.holter"
    tape.write_bytes((TAPES / "export_ram_oom/export_oom.holter").read_bytes()[:20_000])
    text = shown(tape)
    first = "The recording is damaged or cut; it can be read up to 18:45, but not in full. "
    assert text.startswith(first + "Broken for 2.9 s: export worker (PID 18501) was killed. Likely."), text
    assert "holter doctor" not in text, text


def test_where_a_damaged_tape_ends_is_no_word_on_the_training(tmp_path: Path) -> None:
    tape = tmp_path / "cut.holter"
    tape.write_bytes((TAPES / "frozen_cgroup/cgroup_frozen.holter").read_bytes()[:20_000])
    text = shown(tape)
    assert text.startswith("The recording is damaged or cut; it can be read up to"), text
    assert "before the training" not in text, text
