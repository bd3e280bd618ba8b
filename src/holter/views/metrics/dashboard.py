"""The Grafana dashboard, as data. Grafana writes such files of thousands of lines; this one is made from a table."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from holter.records import Message
from holter.reports.catalogue import Lang, phrase
from holter.sentences import Sentence, define
from holter.views.metrics import names

Kind = Literal["stat", "timeseries", "state-timeline", "table"]

OF_RUN = '{run=~"$run"}'
# Grafana's grid has 24 columns.
COLUMNS = 24
TITLE = define("board.title", "Holter: nnU-Net trainings")


class Query(NamedTuple):
    """One query of a panel; ``legend`` is Grafana's template for the name of a curve, such as ``{{run}}``."""

    expr: str
    legend: str = "{{run}}"


class Panel(NamedTuple):
    """One panel of the board; ``width`` in columns, ``height`` in rows of Grafana's grid."""

    title: Sentence
    kind: Kind
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    height: int = 7
    largest: float | None = None


def _of(metric: names.Metric) -> str:
    return metric.name + OF_RUN


_WAIT, _COMPUTE = (f"rate({_of(metric)}[$__rate_interval])" for metric in (names.WAITED, names.COMPUTED))
_LEFT = f"({_of(names.PLANNED)} - {_of(names.COMPLETED)}) * {_of(names.EPOCH_S)}"

PANELS = (
    Panel(
        define("board.state", "State"),
        "state-timeline",
        (Query(f"sum by (run, state) ({_of(names.STATE)}) == 1", "{{run}} {{state}}"),),
        width=16,
        height=8,
    ),
    Panel(
        define("board.open", "Incidents that are not over"),
        "table",
        (Query(f"sum by (run, kind, cause) ({_of(names.OPEN)})", "{{run}} {{kind}} {{cause}}"),),
        height=8,
    ),
    Panel(
        define("board.epochs", "Complete epochs of those planned"),
        "stat",
        (Query(f"{_of(names.COMPLETED)} / {_of(names.PLANNED)}"),),
        unit="percentunit",
        largest=1,
    ),
    Panel(define("board.left", "Time left for the epochs"), "stat", (Query(_LEFT),), unit="s"),
    Panel(
        define("board.since-step", "Time since the last step"),
        "stat",
        (Query(f"time() - {_of(names.STEP)}"),),
        unit="s",
    ),
    Panel(define("board.epoch-s", "Time for an epoch"), "timeseries", (Query(_of(names.EPOCH_S)),), unit="s"),
    Panel(
        define("board.waits", "Share of the time that waits for data"),
        "timeseries",
        (Query(f"{_WAIT} / ({_WAIT} + {_COMPUTE})"),),
        unit="percentunit",
        largest=1,
    ),
    Panel(
        define("board.gpu", "GPU utilization"),
        "timeseries",
        (Query(_of(names.GPU), "{{run}} GPU {{gpu}}"),),
        unit="percentunit",
        largest=1,
    ),
    Panel(define("board.loss", "Loss"), "timeseries", (Query(_of(names.LOSS), "{{run}} {{part}}"),)),
    Panel(
        define("board.dice", "Pseudo Dice"),
        "timeseries",
        (Query(_of(names.DICE)),),
        unit="percentunit",
        largest=1,
    ),
    Panel(
        define("board.gpu-memory", "GPU memory"),
        "timeseries",
        (Query(_of(names.GPU_MEMORY), "{{run}} GPU {{gpu}}"),),
        unit="bytes",
    ),
    Panel(
        define("board.incidents", "Incidents by cause"),
        "timeseries",
        (Query(f"sum by (run, cause) ({_of(names.INCIDENTS)})", "{{run}} {{cause}}"),),
    ),
    Panel(
        define("board.heals", "What Holter did"),
        "timeseries",
        (Query(f"sum by (run, action, outcome) ({_of(names.HEALS)})", "{{run}} {{action}} {{outcome}}"),),
    ),
    Panel(
        define("board.workers", "Data workers, and how many there should be"),
        "timeseries",
        (Query(_of(names.WORKERS)), Query(_of(names.EXPECTED), "{{run}} +")),
    ),
)


def dashboard(lang: Lang) -> str:
    """Return the board as JSON, for Grafana's import."""
    placed, x, y = [], 0, 0
    for number, panel in enumerate(PANELS, 1):
        if x + panel.width > COLUMNS:
            x, y = 0, y + PANELS[number - 2].height
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        placed.append({**_panel(panel, lang), "id": number, "gridPos": place})
        x += panel.width
    board = {
        "title": phrase(TITLE(), lang),
        "uid": "holter-trainings",
        "tags": ["holter", "nnU-Net"],
        "schemaVersion": 38,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_data_source(), _run_choice()]},
        "panels": placed,
    }
    return json.dumps(board, ensure_ascii=False, indent=1) + "\n"


def _panel(panel: Panel, lang: Lang) -> dict[str, Any]:
    limits = {} if panel.largest is None else {"min": 0, "max": panel.largest}
    instant = panel.kind in ("stat", "table")
    return {
        "title": phrase(Message(key=panel.title.key), lang),
        "type": panel.kind,
        "datasource": _SOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "instant": instant,
                "range": not instant,
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for index, query in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, **limits}, "overrides": []},
        "options": {},
    }


_SOURCE = {"type": "prometheus", "uid": "${source}"}


def _data_source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _run_choice() -> dict[str, Any]:
    return {
        "name": "run",
        "type": "query",
        "datasource": _SOURCE,
        "query": f"label_values({names.INFO.name}, run)",
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }
