"""Each diagnosis ends with the place of its cause's page: a command, or an address below the user's documentation."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from holter.cli.start import settings
from holter.records import Diagnosis
from holter.reports.explain import DOCS_VARIABLE, address, docs_address
from holter.reports.html import html
from holter.reports.markdown import to_markdown
from holter.reports.terminal import print_diagnosis
from holter.tape import Recording

SITE = "https://wiki.example.org/holter"


def printed(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> str:
    out = io.StringIO()
    print_diagnosis(Console(file=out, width=80), recording, diagnoses)
    return out.getvalue()


@pytest.mark.parametrize("given", [SITE, f"{SITE}/", f"{SITE}/index.html"])
def test_an_address_is_that_of_the_built_page(given: str) -> None:
    docs = docs_address({DOCS_VARIABLE: given})
    assert address("frozen-worker", "en", docs) == f"{SITE}/causes/frozen-worker.html"
    assert address("frozen-worker", "zh", docs) == f"{SITE}/zh/causes/frozen-worker.html"


def test_the_variable_of_the_settings_is_the_one_that_is_read() -> None:
    assert settings.DOCS_VARIABLE == DOCS_VARIABLE


def test_without_an_address_the_command_is_named_that_prints_the_page(recording, diagnoses, monkeypatch) -> None:
    monkeypatch.delenv(DOCS_VARIABLE, raising=False)
    assert "About this cause: holter explain frozen-worker" in printed(recording, diagnoses)
    assert "holter explain frozen-worker" in html(recording, diagnoses, "en")


@pytest.mark.slow
def test_with_an_address_terminal_and_report_lead_there_and_what_is_scrubbed_does_not(
    recording, diagnoses, monkeypatch
) -> None:
    monkeypatch.setenv(DOCS_VARIABLE, SITE)
    page = f"{SITE}/causes/frozen-worker.html"
    assert f"About this cause: {page}" in printed(recording, diagnoses)
    assert f'<a href="{page}">' in html(recording, diagnoses, "en")
    for scrubbed in (
        html(recording, diagnoses, "en", scrub=True),
        to_markdown(recording, diagnoses, "en", is_run=True),
    ):
        assert "wiki.example.org" not in scrubbed
        assert "holter explain frozen-worker" in scrubbed
