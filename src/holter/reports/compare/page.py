"""A comparison as one HTML file in the style of the report."""

from __future__ import annotations

from pathlib import Path

from holter.reports import html
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.compare.differences import Comparison
from holter.reports.compare.table import EQUAL_FACTS, NOTES, sections
from holter.sentences import define

HERE = Path(__file__).parent
TITLE = define("compare.title", "{first} and {others}")
NAMES = define("compare.names", "Run")


def page(comparison: Comparison, lang: Lang) -> str:
    first, *others = comparison.runs
    slower = any(verdict.ratio is not None and verdict.ratio > 1 for verdict in comparison.verdicts)
    failed = any(verdict.is_too_slow or verdict.metric is None for verdict in comparison.verdicts)
    verdicts = [
        " ".join(phrase(words, lang) for words in (verdict.message, verdict.allowed) if words is not None)
        for verdict in comparison.verdicts
    ]
    return html.filled(
        "compare.html.j2",
        lang,
        HERE,
        title=text(TITLE.key, lang, first=first.name, others=tuple(other.name for other in others)),
        tone="bad" if failed else "warn" if slower or comparison.warnings else "good",
        verdicts=verdicts,
        runs=[(run.name, phrase(run.headline, lang)) for run in comparison.runs],
        names=text(NAMES.key, lang),
        sections=sections(comparison, lang),
        equal=text(EQUAL_FACTS.key, lang, count=comparison.equal) if comparison.equal else "",
        notes_title=text(NOTES.key, lang),
        notes=[phrase(warning, lang) for warning in comparison.warnings],
    )
