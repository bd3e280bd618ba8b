"""The report on a phone, in a real browser: no words in a column that is one letter wide."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.views.browser import Tab

from holter.diagnosis.targets import read_tape
from holter.reports.catalogue import Lang
from holter.reports.html import write_html
from needs import needs

TAPE = Path(__file__).parents[2] / "tapes/frozen_worker/workers_sigstop.holter"  # two equal episodes
NARROWEST_PX = 120


@pytest.mark.slow
@needs("chromium")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_words_of_a_table_have_room_on_a_phone(tab: Tab, tmp_path: Path, lang: Lang) -> None:
    result = read_tape(TAPE)
    page = write_html(result.recording, result.diagnoses, tmp_path / "report.html", lang, is_over=True)
    tab.size(375)
    tab.open(page.as_uri())
    tab.until("window.report")
    cells = "document.querySelectorAll('.members td.words, .events td.words')"
    widths = tab.js(f"[...{cells}].map(cell => cell.clientWidth)")
    assert len(widths) > 2
    assert min(widths) >= NARROWEST_PX
