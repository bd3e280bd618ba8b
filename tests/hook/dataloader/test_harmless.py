"""What a program would do without Holter, it does with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.training  # of a toy
TOY = Path(__file__).with_name("toy_harmless.py")
HEAL = {"HOLTER_HEAL": "workers"}


def play(hooked, *names: str, **environment: str) -> list[dict]:
    done = hooked.run(TOY, *names, **environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_exception_of_a_signal_handler_reaches_the_program(hooked):
    first, second = play(hooked, "preempted", "signalled_workers", **HEAL)
    assert first["error"] == "Preempted" or "killed by signal: Terminated" in first["message"]
    assert "killed by signal: Terminated" in second["message"]
    assert {line["state"] for line in hooked.lines("action")} == {"failed"}
    assert "the program handles SIGTERM itself" in hooked.lines("action")[-1]["text"]


def test_workers_that_are_only_slow_are_left_alone(hooked):
    (result,) = play(hooked, "slow_sample", **HEAL)
    assert result["same"]
    assert result["order"] == [list(range(first, first + 4)) for first in range(0, 40, 4)]
    (told,) = hooked.lines("action")
    assert told["state"] == "failed"
    assert told["text"].endswith("no worker of the DataLoader is stopped or has ended; in hand: Numbers[20]")
