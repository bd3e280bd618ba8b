"""Recording and diagnoses -> all values of the template, as words and numbers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from rich.cells import cell_len

from holter import __version__
from holter.evidence.scope import was_training_seen
from holter.history.phases import restarts
from holter.records import Actor, Diagnosis, Episode, Notice, PhaseChanged, Text, Verdict
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.headline import could_be, headline, key_facts
from holter.reports.html import facts, healing, lanes, vitals
from holter.reports.html.drawing import chart_model, lane_model
from holter.reports.html.epochs import epochs_model
from holter.reports.html.thinning import Grid
from holter.reports.quiet import quiet
from holter.reports.wording import (
    best,
    cause_sentence,
    clock,
    duration,
    end_of,
    fact_line,
    finding_text,
    how_long,
    later_lines,
    process_name,
    remedies_of,
    remedy_text,
)
from holter.tape import Recording

# The page opens with the worst episode: one that ended or stalled the run comes before one that slowed it.
WORST_FIRST = ("death", "stall", "diverged", "unsaved", "slow-down", "creep")
SUREST_FIRST = ("confirmed", "likely", "possible", "excluded")
# A chain is horizontal up to this many boxes, columns in all boxes, and columns at an arrow; otherwise vertical.
BOXES_ACROSS = 5
COLUMNS_ACROSS = 82
COLUMNS_AT_ARROW = 44


def context(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang, scrub: bool) -> dict[str, Any]:
    """Return the values of the template."""
    span_s = max(recording.duration_s, 1.0)
    episodes = tuple(diagnosis.episode for diagnosis in diagnoses)
    grid = Grid(span_s, episodes)
    worst = min(diagnoses, key=_badness) if diagnoses else None
    charts = [chart_model(chart) for chart in vitals.charts(recording, grid)]
    cases: list[str] = []
    rows = [lane_model(lane, cases) for lane in lanes.lanes(recording, grid)]
    for row in rows:
        lane = row["lane"]
        row["name"] = process_name(lane.role, lane.worker_index, lane.pid, lang)
    epochs = epochs_model(recording)
    seen = bool(diagnoses) or was_training_seen(recording)
    data = {
        "span": span_s,
        "charts": [chart["data"] for chart in charts],
        "lanes": [row["data"] for row in rows],
        "states": [text(f"state.{state}", lang) for state in lanes.STATES],
        "cases": cases,
        "epochs": [chart["data"] for chart in epochs["charts"]],
        "copied": text("html.copied", lang),
    }
    return {
        "lang": "zh-CN" if lang == "zh" else "en",
        "t": lambda key, **values: text(key, lang, **values),
        "version": __version__,
        "scrubbed": scrub,
        "damage": phrase(recording.damage, lang) if recording.damage else None,
        "headline": headline(worst, recording, lang) if worst else quiet(recording, lang),
        "tone": _tone(worst, seen=seen),
        "was_seen": seen,
        "others": len(diagnoses) - 1,
        "recorded": _recorded(recording, lang),
        "episodes": [_episode(recording, diagnosis, lang) for diagnosis in diagnoses],
        "notices": [(clock(notice.t_s), phrase(notice.message, lang)) for notice in recording.events(Notice)],
        **healing.context(recording, diagnoses, span_s, lang),
        "span_s": span_s,
        "bands": _bands(recording, episodes, span_s),
        "phases": _phases(recording, span_s, lang),
        "ticks": time_ticks(span_s),
        "charts": charts,
        "lanes": rows,
        "lane_states": [state for state in reversed(lanes.STATES) if any(_has(row, state) for row in rows)],
        "epochs": epochs,
        "environment": facts.environment(recording, lang),
        "unseen": facts.unseen(recording, diagnoses, lang),
        "stacks": facts.stacks(recording, lang),
        "events": facts.events(recording, lang),
        "cost": facts.cost(recording, lang),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }


def _has(row: dict[str, Any], state: str) -> bool:
    return any(name == state for name, _ in row["paths"])


def _badness(diagnosis: Diagnosis) -> tuple[int, int, float]:
    verdict = best(diagnosis)
    sure = SUREST_FIRST.index(verdict.verdict) if verdict else len(SUREST_FIRST)
    return WORST_FIRST.index(diagnosis.episode.kind), sure, diagnosis.episode.start_s


def _tone(diagnosis: Diagnosis | None, *, seen: bool) -> str:
    # good, bad (ended or stalled) or warn (slower, or no training was seen)
    if diagnosis is None:
        return "good" if seen else "warn"
    return "bad" if diagnosis.episode.kind in ("death", "stall") else "warn"


def _recorded(recording: Recording, lang: Lang) -> str:
    environment = recording.environment
    start = host = ""
    if environment is not None:
        host = environment.hostname or ""
        start = _wall(environment.wall_start, environment.utc_offset_s)
    line = text("html.recorded", lang, host=host, start=start, duration=duration(recording.duration_s, lang))
    return line.lstrip(",， ")


def _wall(iso: str, offset_s: int) -> str:
    try:
        moment = datetime.fromisoformat(iso.replace("Z", "+00:00"))
    except ValueError:
        return iso
    local = moment.astimezone(timezone(timedelta(seconds=offset_s)))
    return local.strftime("%Y-%m-%d %H:%M:%S (UTC%z)")


def _episode(recording: Recording, diagnosis: Diagnosis, lang: Lang) -> dict[str, Any]:
    episode = diagnosis.episode
    verdict = best(diagnosis)
    delay = duration(episode.alarm_s - episode.start_s, lang)
    lasted = how_long(episode, recording, lang)
    over = text("html.ongoing", lang)
    if episode.end_s is not None:
        over = text("html.over-after", lang, duration=lasted) if lasted else ""
    return {
        "kind": episode.kind,
        "headline": headline(diagnosis, recording, lang),
        "could_be": could_be(diagnosis, recording, lang),
        "when": text("html.seen-after", lang, start=clock(episode.start_s), delay=delay),
        "over": over,
        "reason": phrase(episode.reason, lang),
        "window": _closer(recording, episode),
        "chains": [_chain(links, lang) for links in _paths(diagnosis)],
        "verdict": _verdict(diagnosis, verdict, lang) if verdict else None,
        "runners_up": [
            _verdict(diagnosis, other, lang)
            for other in diagnosis.verdicts
            if other is not verdict and other.verdict != "excluded"
        ],
        "excluded": [
            text(f"cause.{other.cause}.title", lang) for other in diagnosis.verdicts if other.verdict == "excluded"
        ],
        "later": later_lines(diagnosis, lang),
        "facts": [] if verdict else [fact_line(fact, lang) for fact in key_facts(diagnosis)],
    }


def _closer(recording: Recording, episode: Episode) -> tuple[float, float]:
    # The episode, and half its length (at least 20 s) before and after it.
    end_s = end_of(episode, recording)
    margin_s = max(20.0, 0.5 * (end_s - episode.start_s))
    return max(0.0, episode.start_s - margin_s), min(max(recording.duration_s, 1.0), end_s + margin_s)


def _verdict(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> dict[str, Any]:
    groups = (("supports", verdict.supports), ("against", verdict.against), ("unknown", verdict.unknown))
    return {
        "cause": verdict.cause,
        "title": text(f"cause.{verdict.cause}.title", lang),
        "sentence": cause_sentence(diagnosis, verdict, lang),
        "meaning": text(f"cause.{verdict.cause}.meaning", lang),
        "verdict": verdict.verdict,
        "score": f"{verdict.score:.2f}",
        "groups": [
            (name, [finding_text(finding, diagnosis, lang) for finding in findings])
            for name, findings in groups
            if findings
        ],
        "remedies": [
            {"text": remedy_text(remedy, lang), "safety": remedy.safety, "command": remedy.command}
            for remedy in remedies_of(diagnosis, verdict.cause)
        ],
    }


def _paths(diagnosis: Diagnosis) -> list[list[tuple[Actor, Text]]]:
    # Runs of links in which each process waits for the next: (node, evidence), the first waiter included.
    runs: list[list[tuple[Actor, Text]]] = []
    for link in diagnosis.wait_chain:
        if not runs or runs[-1][-1][0] != link.waiter:
            runs.append([(link.waiter, "")])
        runs[-1].append((link.target, link.how))
    return runs


def _chain(run: list[tuple[Actor, Text]], lang: Lang) -> dict[str, Any]:
    boxes = [{"name": phrase(name, lang), "how": phrase(how, lang)} for name, how in run]
    text_columns = sum(cell_len(box["name"]) for box in boxes)
    arrow_columns = max(cell_len(box["how"]) for box in boxes)
    across = len(boxes) <= BOXES_ACROSS and text_columns <= COLUMNS_ACROSS and arrow_columns <= COLUMNS_AT_ARROW
    return {"boxes": boxes, "down": not across}


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
        phases.append({"phase": change.phase, "name": name, "start": change.t_s, "end": end_s})
    return phases


def time_ticks(span_s: float) -> list[tuple[str, float]]:
    """Return about six labels for the time axis with their position in percent."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
    step = next((step for step in steps if span_s / step <= 7), 86400)
    return [(clock(step * number), 100 * step * number / span_s) for number in range(int(span_s // step) + 1)]
