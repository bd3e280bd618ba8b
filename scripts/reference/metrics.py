"""The metrics and alerts, from ``holter.views.metrics``."""

from __future__ import annotations

from collections.abc import Iterator

from holter.reports.catalogue import Lang, phrase, text
from holter.views.metrics import alerts, names
from scripts.reference import Page, cell, filled

BY_KIND = {"en": "by kind", "zh": "按事件类型"}


def pages(lang: Lang) -> Iterator[Page]:
    """Yield the one page."""
    of_runs = [
        (alert, BY_KIND[lang] if alert.severity == alerts.SEVERITY else alert.severity) for alert in alerts.RUN_ALERTS
    ]
    text_ = filled(
        "metrics",
        lang,
        most=str(names.MOST_SERIES),
        metrics="".join(_row(metric, lang) for metric in names.METRICS),
        study="".join(_row(metric, lang) for metric in names.STUDY_METRICS),
        states=", ".join(f"`{state}`" for state in names.STATES),
        lasts=alerts.LASTS,
        alerts="".join(
            f"| `{alert.name}` | {alert.lasts} | {severity} | {cell(phrase(alert.description, lang))} |\n"
            for alert, severity in of_runs
        ),
    )
    yield Page("reference/metrics.md", text_)


def _row(metric: names.Metric, lang: Lang) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    meaning = cell(text(names.key(metric), lang))
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.most} | {meaning} |\n"
