"""Documentation explains what may happen; a report says what did."""

from __future__ import annotations

import io

import pytest
from benchmarks.truth.quiet import texts

from holter.diagnosis.logs import read_pasted
from holter.errors import HolterError
from holter.evidence.text_facts.genre.events import tells_event

QUIET = dict(texts())


def accused(text: str) -> list[str]:
    try:
        result = read_pasted(io.BytesIO(text.encode()), "x.txt")
    except HolterError:
        return []
    return [diagnosis.verdicts[0].cause for diagnosis in result.diagnoses]


@pytest.mark.parametrize("name", QUIET)
def test_a_text_without_a_fault_accuses_nobody(name: str) -> None:
    assert accused(QUIET[name]) == []


REPORTS = (
    "My training dies with `RuntimeError: One or more background workers are no longer alive`, see the table below.",
    "If I use more than two workers, for example four, training stops with Bus error. What does that mean?",
    "训练到第 3 个 epoch 就报 CUDA out of memory，请问怎么办？例如 batch size 要改吗？",
    'Traceback (most recent call last):\n  File "x.py", line 2, in f\n    g()\nOSError: [Errno 28] No space on device',
    "Since Monday every run is killed by the OOM killer; see the log, such as it is.",
)


@pytest.mark.parametrize("text", REPORTS)
def test_a_report_that_uses_the_words_of_documentation_stays_a_report(text: str) -> None:
    assert tells_event(text)
    assert accused(text)
