"""What was done to the run, where its time went, and how it went on: for the page and for the timeline."""

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

# A page is read by people: JSON has the rest.
MAX_DEEDS = 60
# A thinner piece of the bar could not be seen.
LEAST_PERCENT = 0.15
PARTS = ("training", "validation", "checkpoint", "startup", "other")


def context(recording: Recording, diagnoses: tuple[Diagnosis, ...], span_s: float, lang: Lang) -> dict[str, Any]:
    """Return the values of the template that speak of healing."""
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
    """Colour of a deed: giving up is no success, however well it is done."""
    return "failed" if action_id(deed) == "stop" and deed.state == "done" else deed.state


def _healed(found: Account, every: tuple[Deed, ...], lang: Lang) -> str:
    """The good news of the title: all of it was healed; empty where it was not."""
    if not found.saved or any(action_id(deed) == "stop" and deed.state != "proposed" for deed in every):
        return ""
    return text("html.healed", lang, count=len(found.saved), goodput=percent(found.goodput_ratio or 0.0))


def _generations(recording: Recording, span_s: float, lang: Lang) -> list[dict[str, Any]]:
    """The processes of the run, one after the other; empty where there was only one."""
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
