"""Who speaks: kinds of text that tell of no event, and reports that look like documentation."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from holter.diagnosis.logs import read_pasted
from holter.errors import HolterError
from holter.evidence.text_facts.events import tells_event

FOLDER = Path(__file__).parent / "speakers"


def texts_of(name: str) -> dict[str, str]:
    parts = re.split(r"^=== (\S+)\n", (FOLDER / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


QUIET, REPORTS = texts_of("quiet.txt"), texts_of("reports.txt")


def causes(text: str) -> list[str]:
    try:
        result = read_pasted(io.BytesIO(text.encode()), "x.txt")
    except HolterError:
        return []
    return [verdict.cause for diagnosis in result.diagnoses for verdict in diagnosis.verdicts]


@pytest.mark.parametrize("name", QUIET)
def test_a_text_that_tells_of_no_event_accuses_nobody(name: str) -> None:
    assert causes(QUIET[name]) == []


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_looks_like_documentation_is_answered(name: str) -> None:
    assert tells_event(REPORTS[name])
    assert causes(REPORTS[name])


def test_words_of_an_event_outweigh_the_form_of_a_manual() -> None:
    manual = "Troubleshooting\nCUDA out of memory\nReduce the batch size.\n"
    assert not tells_event(manual)
    assert tells_event(f"{manual}I reduced it to 1, and the same error happens.")


def test_an_excerpt_of_a_healthy_log_says_what_was_read() -> None:
    with pytest.raises(HolterError, match="without its beginning: 2 epochs, and no trouble"):
        read_pasted(io.BytesIO(QUIET["log-middle"].encode()), "x.txt")


def test_an_excerpt_with_a_word_of_trouble_is_answered() -> None:
    assert causes(f"Training stops here since two hours, and the GPU shows 0 %:\n{QUIET['log-middle']}")
