"""A worker in state T, as people say it: the worker is stopped, not the main process."""

from __future__ import annotations

import pytest

from holter.evidence.text_facts import facts_of


@pytest.mark.parametrize(
    "words",
    [
        "The training stands still. There is one worker in state T.",
        "My training hangs, ps shows that a data worker is in state T.",
    ],
)
def test_a_worker_in_state_t_is_stopped(words: str) -> None:
    facts = {name: hit.value for name, hit in facts_of(words).items()}
    assert facts["workers.stopped"] == ("worker",)
    assert "main.state" not in facts


@pytest.mark.parametrize(
    "words",
    [
        "My training hangs. No worker is in state T.",
        "My training hangs, and not one worker is in state T.",
        "My training hangs, the main process is in state T.",
    ],
)
def test_no_worker_is_stopped_where_nobody_says_so(words: str) -> None:
    assert facts_of(words).get("workers.stopped") is None
