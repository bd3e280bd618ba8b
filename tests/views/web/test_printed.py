"""The report on paper, as a real browser prints it."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from benchmarks.views.browser import Tab

from holter.diagnosis.targets import read_tape
from holter.reports.html import write_html
from needs import needs

TAPES = Path(__file__).parents[2] / "tapes"
MOST_PAGES = 6


@pytest.mark.slow
@needs("chromium")
@pytest.mark.parametrize("name", ["native_crash/main_crashes_likely", "frozen_worker/fault"])
def test_a_short_run_needs_at_most_six_pages(tab: Tab, tmp_path: Path, name: str) -> None:
    result = read_tape(TAPES / f"{name}.holter")
    page = write_html(result.recording, result.diagnoses, tmp_path / "report.html", "en", is_over=True)
    tab.open(page.as_uri())
    tab.until("window.report")
    printed = base64.b64decode(tab.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 2 <= pages <= MOST_PAGES
