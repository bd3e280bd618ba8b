"""In which phase a program with a DataLoader was when an exception ended it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.training  # of a toy
TOY = Path(__file__).with_name("toy_raises.py")


@pytest.mark.parametrize(("how", "phase"), [
    ("within", "train"), ("shown", "train"), ("left", "epoch-end"), ("over", "epoch-end"),
])  # fmt: skip
def test_the_phase_is_the_one_in_which_it_raised(hooked, how, phase):
    done = hooked.run(TOY, how)
    assert "is negative" in done.stderr
    assert done.returncode == 1
    lines = [line for line in hooked.lines() if line["kind"] in ("phase", "exception")]
    assert [line["kind"] for line in lines].count("exception") == 1
    before = lines[: [line["kind"] for line in lines].index("exception")]
    assert before[-1]["phase"] == phase
