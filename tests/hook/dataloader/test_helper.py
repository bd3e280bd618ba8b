"""An evaluation that a training starts is not the training; another training is."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.hook.page import decode

pytestmark = [pytest.mark.training, pytest.mark.slow]  # of a toy
PROGRAM = Path(__file__).with_name("toy_helper.py")


def roles(hooked) -> dict[int, str]:
    """Return the role of each process that is not a worker, in the order of their starts."""
    pages = [decode(file.read_bytes()) for file in hooked.scratch.glob("beat-*")]
    kept = [page for page in pages if page is not None and not page.role.endswith("worker")]
    return {page.pid: page.role for page in sorted(kept, key=lambda page: page.started_ticks)}


def test_an_evaluation_below_a_training_is_no_main_process_and_its_exception_is_marked(hooked):
    assert hooked.run(PROGRAM, "train", "raises").returncode == 0
    (training, evaluation) = roles(hooked)
    assert list(roles(hooked).values()) == ["main", "other"]
    (error,) = hooked.lines("exception")
    assert (error["from"], error["error"], error["asleep"]) == (evaluation, "ValueError", True)
    assert {line["from"] for line in hooked.lines("phase")} == {training}
    assert not [line for line in hooked.lines("note") if line["what"] == "hook-failed"], hooked.lines("note")


@pytest.mark.parametrize(
    ("how", "more"),
    [(("train", "with-gradients"), {}), (("train", "evaluates"), {"RANK": "1"}), (("evaluates",), {})],
    ids=["trains-itself", "a-rank", "alone"],
)
def test_a_program_that_trains_a_rank_and_one_without_a_training_above_it_are_main_processes(hooked, how, more):
    assert hooked.run(PROGRAM, *how, **more).returncode == 0
    assert set(roles(hooked).values()) == {"main"}
    assert len(roles(hooked)) == (2 if "train" in how else 1)
