"""Who speaks: kinds of text that tell of no event, and reports that look like documentation."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from holter.diagnosis.logs import read_pasted
from holter.diagnosis.without_runs import PASTE_INSTEAD
from holter.errors import HolterError
from holter.evidence.text_facts import read_facts
from holter.evidence.text_facts.genre.events import tells_event

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


@pytest.mark.parametrize("name", ["plain-source-worker", "plain-changelog", "plain-paper-methods", "plain-faq-zh"])
def test_a_text_that_is_no_report_says_what_to_give_instead(name: str) -> None:
    with pytest.raises(HolterError, match="does not look like a report of a trouble") as refused:
        read_pasted(io.BytesIO(QUIET[name].encode()), "x.txt")
    assert refused.value.next_step == PASTE_INSTEAD()


def test_a_variable_is_no_person() -> None:
    assert not tells_event("The loop\nfor i in range(3): step(i)\nfails to name the worker.\nSee the next page.\n" * 2)
    assert tells_event("i have a problem: training stops after two epochs.\nOnly on the new machine.\n" * 4)


def test_a_change_of_a_setting_is_no_hang() -> None:
    assert "symptoms" not in read_facts("Thanks for the inference. Do I have to retrain when I change the folds?")
    assert "validation-hangs" in read_facts("The validation hangs at case 12.")["symptoms"].value  # type: ignore[operator]
