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


@pytest.mark.parametrize("environment", [{}, HEAL], ids=["watched", "healed"])
def test_a_stream_is_refused_with_its_reason(hooked, environment):
    (result,) = play(hooked, "refused_stream", **environment)
    assert result["order"] == [list(range(first, first + 4)) for first in range(0, 40, 4)]
    assert result["same"] and result["idle"] == 2
    refusal = "workers of the DataLoader of Stream are not replaced: the position in an IterableDataset would be lost"
    assert [line["text"] for line in hooked.lines("note") if line["what"] == "loader-refused"] == [refusal]
    (told,) = hooked.lines("action")
    assert (told["state"], told["text"]) == ("failed", refusal)


@pytest.mark.parametrize("environment", [{}, HEAL], ids=["watched", "healed"])
def test_an_iterator_of_another_library_is_refused_too(hooked, environment):
    (result,) = play(hooked, "foreign_iterator", **environment)
    assert result["order"] == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2
    (note,) = [line["text"] for line in hooked.lines("note") if line["what"] == "loader-refused"]
    assert note.endswith("Numbers are not replaced: ForeignIterator is not PyTorch's own iterator")


def test_an_index_that_cannot_be_shown_is_harmless(hooked):
    (result,) = play(hooked, "odd_indices")
    assert result["given"] == [list(range(8))] * 4
    assert "broken" in result["error"]
    assert [line["case"] for line in hooked.lines("exception")] == ["OddNumbers[#2]"]
    assert [line for line in hooked.lines("note") if line["what"] == "hook-failed"] == []


def test_trivial_samples_are_named_by_their_batch_and_exactly_when_one_raises(hooked):
    (result,) = play(hooked, "fast_samples")
    assert result["batches"] == [512] * 8
    assert result["named"] < 512 + 2 + 7 * 3  # each sample of the first batch, then the batches
    assert result["last"] == "Fast[3584, 3585, 3586, …]"
    assert [line["case"] for line in hooked.lines("exception")] == ["Fast[2000]"]


def test_loaders_in_turns_share_a_phase_and_the_environment_stays(hooked):
    turns, environment = play(hooked, "in_turns", "environment")
    assert turns["seen"] == [0, 1, 0, *range(3, 10), *range(10)]  # 0: the third one has begun
    begin = ["train", "validate", "train"]
    phases = [line["phase"] for line in hooked.lines("phase")]
    assert phases == [*begin, "validate", "train", "epoch-end", *begin, "epoch-end", "train", "epoch-end"]
    assert environment == {"count": 2, "changes": []}


def test_a_worker_that_the_program_itself_collects_is_replaced_too(hooked):
    (result,) = play(hooked, "reaps_children", **HEAL)
    assert result["order"] == list(range(80))
    done = next(line["text"] for line in hooked.lines("action") if line["state"] == "done")
    assert "worker 0" in done
    assert "with which code is not known" in done
    assert None in [line["exit_code"] for line in hooked.lines("worker-ended")]
