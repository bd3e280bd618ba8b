"""Recording and diagnoses -> all values of the template, as words and numbers."""

from __future__ import annotations

import json
from typing import Any

from holter.evidence.scope import was_training_seen
from holter.history.fates import STOPS
from holter.history.phases import restarts
from holter.records import Diagnosis, Episode, Notice, PhaseChanged
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.explain import docs_address
from holter.reports.html import facts, healing, lanes, vitals
from holter.reports.html.drawing import chart_model, lane_model
from holter.reports.html.episodes import closer, group_model
from holter.reports.html.epochs import epochs_model
from holter.reports.html.thinning import Grid
from holter.reports.outcome import Outcome, identity_of, outcome_of
from holter.reports.outcome.closing import after_report
from holter.reports.outcome.groups import grouped
from holter.reports.outcome.wall import clocks, wall_at
from holter.reports.quiet import quiet
from holter.reports.when import clock, end_of
from holter.reports.wording import process_name
from holter.tape import Recording

# Tones of the page: good, bad (it ended or is stalled), warn (something else is not as it should be).
BAD_STATES = ("dead", "stalled", "gave-up", "incomplete", "end-unseen")


def context(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang, scrub: bool, *, is_over: bool = True
) -> dict[str, Any]:
    """Return the values that fill the template of the HTML report, as words and numbers.

    ``scrub``: whether recording and diagnoses have been scrubbed, which the report says. ``is_over``: no process writes
    the tape any more.
    """
    ran = outcome_of(recording, diagnoses, is_over=is_over)
    groups = grouped(recording, diagnoses, ran.fates)
    span_s = max(recording.duration_s, 1.0)
    episodes = tuple(diagnosis.episode for diagnosis in diagnoses)
    grid = Grid(span_s, episodes)
    charts = [chart_model(chart) for chart in vitals.charts(recording, grid)]
    cases: list[str] = []
    rows = [lane_model(lane, cases) for lane in lanes.lanes(recording, grid)]
    for row in rows:
        lane = row["lane"]
        row["name"] = process_name(lane.role, lane.worker_index, lane.pid, lang)
    epochs = epochs_model(recording)
    seen = bool(diagnoses) or was_training_seen(recording)
    began = wall_at(recording.environment, 0.0)
    data = {
        "span": span_s,
        # Seconds of the day at the start, by the clock of the machine.
        "began": None if began is None else began.hour * 3600 + began.minute * 60 + began.second,
        "charts": [chart["data"] for chart in charts],
        "lanes": [row["data"] for row in rows],
        "states": [text(f"state.{state}", lang) for state in lanes.STATES],
        "cases": cases,
        "epochs": [chart["data"] for chart in epochs["charts"]],
        "copied": text("html.copied", lang),
    }
    healed = healing.context(recording, diagnoses, span_s, lang)
    events, stacks = facts.events(recording, lang), facts.stacks(recording, lang)
    sections = (
        ("episodes", "heading.episodes", seen),
        ("notices", "heading.notices", bool(recording.events(Notice))),
        ("actions", "heading.actions", bool(healed["actions"] or healed["recoveries"] or healed["checkpoints"])),
        ("goodput", "heading.goodput", healed["goodput"] is not None),
        ("timeline", "heading.timeline", True),
        ("epochs", "heading.epochs", bool(epochs["rows"])),
        ("events", "heading.events", bool(events)),
        ("stacks", "heading.stacks", bool(stacks)),
        ("unseen", "heading.unseen", True),
        ("environment", "heading.environment", recording.environment is not None),
    )
    return {
        "scrubbed": scrub,
        "damage": phrase(recording.damage, lang) if recording.damage else None,
        "headline": phrase(ran.headline, lang),
        "tone": _tone(ran),
        "identity": [phrase(line, lang) for line in identity_of(ran)],
        "quiet": "" if diagnoses else quiet(recording, lang),
        "contents": [(name, key) for name, key, is_there in sections if is_there],
        "verdict": phrase(after_report(ran, recording), lang),
        "was_seen": seen,
        "groups": [group_model(recording, group, lang, "" if scrub else docs_address()) for group in groups],
        "windows": [closer(recording, diagnosis.episode) for diagnosis in diagnoses],
        "notices": [
            (clocks(recording.environment, notice.t_s), phrase(notice.message, lang))
            for notice in recording.events(Notice)
        ],
        **healed,
        "span_s": span_s,
        "bands": _bands(recording, episodes, span_s),
        "phases": _phases(recording, span_s, lang),
        "ticks": [(label, wall_label(recording, t_s), 100 * t_s / span_s) for label, t_s in time_ticks(span_s)],
        "charts": charts,
        "lanes": rows,
        "lane_states": [state for state in reversed(lanes.STATES) if any(state in dict(row["paths"]) for row in rows)],
        "epochs": epochs,
        "environment": facts.environment(recording, lang),
        "unseen": facts.unseen(recording, lang),
        "stacks": stacks,
        "events": events,
        "cost": facts.cost(recording, lang),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }


def _tone(ran: Outcome) -> str:
    if ran.state in BAD_STATES or (ran.state == "cut" and ran.trouble in STOPS):
        return "bad"
    return "good" if ran.is_good else "warn"


def wall_label(recording: Recording, t_s: float) -> str:
    """Return the time of day at a mark of the time axis; empty if it is unknown."""
    moment = wall_at(recording.environment, t_s)
    return "" if moment is None else moment.strftime("%H:%M:%S")


def _bands(recording: Recording, episodes: tuple[Episode, ...], span_s: float) -> list[dict[str, Any]]:
    # The shortest last, so that it is drawn on top of those that contain it.
    bands = [
        {
            "number": number,
            "kind": episode.kind,
            "start": episode.start_s,
            "end": min(end_of(episode, recording), span_s),
        }
        for number, episode in enumerate(episodes, start=1)
    ]
    return sorted(bands, key=lambda band: band["start"] - band["end"])


def _phases(recording: Recording, span_s: float, lang: Lang) -> list[dict[str, Any]]:
    changes = [event for tick in recording.ticks() for event in tick.events if isinstance(event, PhaseChanged)]
    phases: list[dict[str, Any]] = []
    ends = [*(change.t_s for change in changes[1:]), span_s]
    gone = [(process.down_s, process.begun_s) for process in restarts(recording)]
    # There is no phase between two processes.
    ends = [
        min([end_s, *(down_s for down_s, begun_s in gone if change.t_s <= down_s and begun_s <= end_s)])
        for change, end_s in zip(changes, ends, strict=False)
    ]
    for change, end_s in zip(changes, ends, strict=False):  # without any change there is one end and no start
        if end_s <= change.t_s:
            continue
        name = text(f"phase.{change.phase}", lang)
        if change.epoch is not None:
            name = text("phase.with-epoch", lang, phase=name, epoch=change.epoch)
        phases.append({"phase": change.phase, "name": name, "start": change.t_s, "end": end_s, "epoch": change.epoch})
    return phases


def time_ticks(span_s: float) -> list[tuple[str, float]]:
    """Return about six labels for the time axis, each with its time in seconds."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
    step = next((step for step in steps if span_s / step <= 7), 86400)
    return [(clock(step * number), float(step * number)) for number in range(int(span_s // step) + 1)]
