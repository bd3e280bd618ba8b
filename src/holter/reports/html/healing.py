"""Actions on the run, its time account, and its recovery: values for the page and the timeline."""

from __future__ import annotations

from typing import Any

from holter.history.actions import Deed, deeds
from holter.history.goodput import Account, account
from holter.history.phases import restarts
from holter.history.recovery import check
from holter.records import Diagnosis
from holter.reports.catalogue import Lang, text
from holter.reports.healing import (
    Told,
    action_id,
    deed_cause,
    deed_details,
    deed_name,
    goodput_lines,
    loss_text,
    measure_text,
    outcome,
    percent,
    recovery_text,
    saved_checkpoints,
    stock,
    told_deeds,
)
from holter.reports.wording import clock, duration
from holter.tape import Recording

# Limit that keeps the page readable: JSON has the rest.
MAX_DEEDS = 60
# A thinner piece of the bar is not visible.
LEAST_PERCENT = 0.15
PARTS = ("training", "validation", "checkpoint", "startup", "other")


def context(recording: Recording, diagnoses: tuple[Diagnosis, ...], span_s: float, lang: Lang) -> dict[str, Any]:
    """Return the template's values about healing."""
    every = deeds(recording)
    shown = told_deeds(every)
    found = account(recording, diagnoses)
    saved = {(one.t_s, one.action): stock(one, lang) for one in found.saved}
    checkpoints = saved_checkpoints(every)
    return {
        "healed": _healed(found, every, lang),
        "deeds": [_row(one, saved.get((one.deed.begun_s, one.deed.action), ""), lang) for one in shown[:MAX_DEEDS]],
        "deeds_more": max(0, len(shown) - MAX_DEEDS),
        "only_proposed": bool(shown) and all(one.deed.state == "proposed" for one in shown),
        "checkpoints": text("deed.checkpoints", lang, count=checkpoints) if checkpoints else "",
        "marks_of_deeds": [_mark(number, one, lang) for number, one in enumerate(shown[:MAX_DEEDS], start=1)],
        "generations": _generations(recording, span_s, lang),
        "goodput": _goodput(found, lang) if found.goodput_ratio is not None else None,
        "recoveries": [
            {
                "when": clock(one.t_s),
                "name": text(f"deed.{one.action}", lang),
                "verdict": one.verdict,
                "told": recovery_text(one, lang),
                "measures": [measure_text(measure, lang) for measure in one.measures],
            }
            for one in check(recording)
        ],
    }


def _row(told: Told, saved: str, lang: Lang) -> dict[str, Any]:
    deed = told.deed
    return {
        "when": clock(deed.begun_s),
        "name": deed_name(deed, lang),
        "tone": _tone(deed),
        "outcome": outcome(deed, lang, told.times),
        "why": deed_cause(deed, lang),
        "details": deed_details(deed, lang),
        "stock": saved,
    }


def _mark(number: int, told: Told, lang: Lang) -> dict[str, Any]:
    deed = told.deed
    name = f"{clock(deed.begun_s)} {deed_name(deed, lang)}: {outcome(deed, lang, told.times)}"
    return {"number": number, "t_s": deed.begun_s, "tone": _tone(deed), "name": name}


def _tone(deed: Deed) -> str:
    # Giving up is no success, even if it was done as planned.
    return "failed" if action_id(deed) == "stop" and deed.state == "done" else deed.state


def _healed(found: Account, every: tuple[Deed, ...], lang: Lang) -> str:
    # Empty unless everything was healed.
    if not found.saved or any(action_id(deed) == "stop" and deed.state != "proposed" for deed in every):
        return ""
    return text("html.healed", lang, count=len(found.saved), goodput=percent(found.goodput_ratio or 0.0))


def _generations(recording: Recording, span_s: float, lang: Lang) -> list[dict[str, Any]]:
    # Empty if the run had only one process.
    again = restarts(recording)
    if not again:
        return []
    starts = [(0, 0.0), *((one.generation, one.begun_s) for one in again)]
    ends = [*(one.down_s for one in again), span_s]
    return [
        {"name": text("deed.generation", lang, number=number + 1), "start": start_s, "end": max(end_s, start_s)}
        for (number, start_s), end_s in zip(starts, ends, strict=True)
    ]


def _goodput(found: Account, lang: Lang) -> dict[str, Any]:
    pieces = [(name, text(f"goodput.{name}", lang), getattr(found, f"{name}_s")) for name in PARTS]
    told = [
        {"kind": name, "name": text("goodput.part", lang, name=words, duration=duration(seconds, lang)), "s": seconds}
        for name, words, seconds in pieces
    ]
    told[2:2] = [{"kind": loss.kind, "name": loss_text(loss, lang), "s": loss.seconds} for loss in found.losses]
    for piece in told:
        piece["percent"] = 100 * float(piece["s"]) / found.wall_s
    return {
        "percent": percent(found.goodput_ratio or 0.0),
        "lines": goodput_lines(found, lang)[:2],
        "pieces": [piece for piece in told if piece["percent"] >= LEAST_PERCENT],
    }
