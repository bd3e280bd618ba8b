"""Render the page of one tape in a process of its own: ``python -m holter.views.web.render``.

Reading and judging a tape of days takes seconds and much memory. The server must answer meanwhile and stay small, so
a child does it and ends. Its output: a line of JSON (``Rendered``), then the page.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from holter.errors import HolterError
from holter.remedies.diagnose import diagnose_recording
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.html import filled
from holter.reports.html.lanes import STATES
from holter.reports.html.page import context
from holter.sentences import define, define_all
from holter.tape import read
from holter.tape.surrogates import plain_text
from holter.views.web.assets import HERE, address
from holter.views.web.rendered import Rendered, series_name

WORDS = {
    "web.live": "Live",
    "web.finished": "The recording is finished",
    "web.late": "No reading for {age}",
    "web.silent": "No reading for {age}: the recorder is not running, or the machine sleeps",
    "web.lost": "No connection to holter web; trying again",
    "web.polling": "Live, asked for every two seconds",
    "web.missing": "The tape is gone; this is what it showed last",
    "web.seconds": "{n} s",
    "web.minutes": "{n} min",
    "web.hours": "{n} h",
    "web.days": "{n} days",
    "web.tail": "Last 10 minutes",
    "web.all-runs": "All runs",
    "web.ongoing": "not over",
    "web.holds": (
        "This page shows names of hosts, users, folders and cases of this run. holter report --scrub replaces them."
    ),
    "web.made-by": "Made by Holter {version}. This page only reads the tape.",
}
define_all(WORDS)
DAMAGED = define("web.damaged", "{path} is damaged or cut; none of its readings can be read.")
EMPTY = define("web.empty", "{path} holds no reading yet.")
EMPTY_NEXT = define("web.empty-next", "The page appears by itself with the first one.")
EPOCHS = define("web.epochs", "epochs {first} to {last}")
# Words that the page's script shows.
SCRIPT_WORDS = (
    "live", "finished", "late", "silent", "lost", "polling", "missing", "seconds", "minutes", "hours", "days",
)  # fmt: skip


# Rows of the table of epochs, marks of phases: as many as there are pixels. The report has all. Phases that are thinner
# than a pixel share a mark; those of the last ``RECENT_S`` keep theirs.
MOST_EPOCHS, MOST_PHASES, MOST_SHARED, RECENT_S = 200, 1000, 200, 900.0
# The training and the server go first.
POLITE = 5


def render(path: Path, lang: Lang, *, is_over: bool, page: int, root: str, name: str) -> tuple[Rendered, str]:
    """Return the page of a tape, as the report shows it, and the facts about it that the server needs.

    ``root``: the relative address of the pages' root. ``name``: the run's name in the overview; "" if there is none.

    Raises:  NotATape, TapeTooNew, TapeError.
    """
    recording = read(path)
    if not recording.all_ticks:
        if recording.damage:
            return Rendered(error="tape-damaged", what=DAMAGED(path=path.name)), ""
        return Rendered(error="tape-empty", what=EMPTY(path=path.name), next_step=EMPTY_NEXT()), ""
    # What the recorder noticed: to play a healthy day to the detectors again would take half a minute.
    diagnoses = diagnose_recording(recording, recording.episodes(), is_over=is_over)
    values = context(recording, diagnoses, lang, False, is_over=is_over)
    lighten(values, recording.duration_s, lang)
    if not is_over:
        values["quiet"] = ""  # it says how the recording ended
        for group in values["groups"]:
            if group["over"] == text("html.ongoing", lang):
                group["over"] = text("web.ongoing", lang)
    pids = tuple(row["lane"].pid for row in values["lanes"])
    live = {
        "page": page,
        "kind": "report",
        "end": recording.duration_s,
        "open": not is_over and any(episode.end_s is None for episode in recording.episodes()),
        "charts": [
            [series_name(series["key"], chart["index"]) for series in chart["series"]] for chart in values["charts"]
        ],
        "tops": [chart["top"] for chart in values["charts"]],
        "limits": [[series["limit"] for series in chart["series"]] for chart in values["charts"]],
        "lanes": pids,
        "states": STATES,
        "words": {word: text(f"web.{word}", lang, age="{age}", n="{n}") for word in SCRIPT_WORDS},
    }
    html = filled(
        "web.html.j2",
        lang,
        HERE,
        **values,
        live=json.dumps(live, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        asset=lambda file: root + address(file),
        root=root,
        name=name,
    )
    tops = {
        series_name(series["key"], chart["index"]): chart["top"]
        for chart in values["charts"]
        for series in chart["series"]
    }
    return Rendered(end_s=recording.duration_s, cost_s=time.process_time(), tops=tops, pids=pids), html


def lighten(values: dict[str, Any], end_s: float, lang: Lang) -> None:
    """Remove from the values of the report's template what the browser draws itself, and what is too small to see."""
    for chart in values["charts"]:
        for series in chart["series"]:
            series["line"] = ""
    for row in values["lanes"]:
        row["paths"] = [(state, "") for state, _ in row["paths"]]
    if len(values["phases"]) > MOST_PHASES:
        values["phases"] = _visible(values["phases"], end_s, lang)
    rows = values["epochs"]["rows"]
    values["epochs"] |= {"rows": rows[-MOST_EPOCHS:], "count": len(rows)}


def _visible(phases: list[dict[str, Any]], end_s: float, lang: Lang) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    thin: list[dict[str, Any]] = []
    for phase in phases:
        if phase["end"] - phase["start"] >= end_s / MOST_PHASES or phase["end"] > end_s - RECENT_S:
            shown += [*_shared(thin, lang), phase]
            thin = []
            continue
        thin.append(phase)
        if phase["end"] - thin[0]["start"] >= end_s / MOST_SHARED:
            shown += _shared(thin, lang)
            thin = []
    return shown


def _shared(thin: list[dict[str, Any]], lang: Lang) -> list[dict[str, Any]]:
    # One mark for many phases: in the colour of the one that took most of the time, with its epochs as name.
    if not thin:
        return []
    lasted: dict[str, float] = {}
    for phase in thin:
        lasted[phase["phase"]] = lasted.get(phase["phase"], 0.0) + phase["end"] - phase["start"]
    epochs = [phase["epoch"] for phase in thin if phase["epoch"] is not None]
    name = phrase(EPOCHS(first=min(epochs), last=max(epochs)), lang) if epochs else thin[0]["name"]
    most = max(lasted, key=lambda kind: lasted[kind])
    return [{"phase": most, "name": name, "start": thin[0]["start"], "end": thin[-1]["end"], "epoch": None}]


def main() -> None:
    """Render the page that the arguments (JSON) describe, and write it to standard output."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    path = Path(asked.pop("path"))
    if hasattr(os, "nice"):
        os.nice(POLITE)
    html = ""
    try:
        rendered, html = render(path, **asked)
    except HolterError as error:
        rendered = Rendered(error=error.id, what=error.what, safe=error.safe, next_step=error.next_step)
    sys.stdout.buffer.write(msgspec.json.encode(rendered) + b"\n" + gzip.compress(plain_text(html).encode(), 6))


if __name__ == "__main__":
    main()
