"""Actions on the run, its time account, and its recovery: values for the page and the timeline."""

from __future__ import annotations

from typing import Any

from holter.history.actions import Action, merge_events
from holter.history.goodput import Account, account
from holter.history.phases import restarts
from holter.history.recovery import check
from holter.records import Diagnosis
from holter.reports import healing as say
from holter.reports.catalogue import Lang, text
from holter.reports.outcome.wall import clocks
from holter.reports.when import clock, duration
from holter.tape import Recording

# Limit that keeps the page readable: JSON has the rest.
MAX_ACTIONS = 60
# A thinner piece of the bar is not visible.
LEAST_PERCENT = 0.15
PARTS = ("training", "validation", "checkpoint", "startup", "other")


def context(recording: Recording, diagnoses: tuple[Diagnosis, ...], span_s: float, lang: Lang) -> dict[str, Any]:
    """Return the values of the report's template about healing: actions, checkpoints, lost time and curves.

    ``span_s``: the length of the time axis in seconds.
    """
    actions = merge_events(recording)
    shown = say.listed_actions(actions)
    time_account = account(recording, diagnoses)
    saved = {(heal.t_s, heal.action): say.stock(heal, lang) for heal in time_account.saved}
    checkpoints = say.saved_checkpoints(actions)
    return {
        "healed": _healed(time_account, actions, lang),
        "actions": [
            _row(recording, row, saved.get((row.action.begun_s, row.action.action), ""), lang)
            for row in shown[:MAX_ACTIONS]
        ],
        "actions_more": max(0, len(shown) - MAX_ACTIONS),
        "only_proposed": bool(shown) and all(row.action.state == "proposed" for row in shown),
        "checkpoints": text("heal.checkpoints", lang, count=checkpoints) if checkpoints else "",
        "action_marks": [_mark(number, row, lang) for number, row in enumerate(shown[:MAX_ACTIONS], start=1)],
        "generations": _generations(recording, span_s, lang),
        "goodput": _goodput(time_account, lang) if time_account.goodput_ratio is not None else None,
        "recoveries": [
            {
                "when": clocks(recording.environment, recovery.t_s),
                "name": text(f"heal.{recovery.action}", lang),
                "verdict": recovery.verdict,
                "text": say.recovery_text(recovery, lang),
                "measures": [say.measure_text(measure, lang) for measure in recovery.measures],
            }
            for recovery in check(recording)
        ],
    }


def _row(recording: Recording, row: say.ActionRow, saved: str, lang: Lang) -> dict[str, Any]:
    action = row.action
    return {
        "when": clocks(recording.environment, action.begun_s),
        "name": say.action_name(action, lang),
        "tone": _tone(action),
        "outcome": say.outcome(action, lang, row.times),
        "why": say.action_cause(action, lang),
        "details": say.action_details(action, lang),
        "stock": saved,
    }


def _mark(number: int, row: say.ActionRow, lang: Lang) -> dict[str, Any]:
    action = row.action
    name = f"{clock(action.begun_s)} {say.action_name(action, lang)}: {say.outcome(action, lang, row.times)}"
    return {"number": number, "t_s": action.begun_s, "tone": _tone(action), "name": name}


def _tone(action: Action) -> str:
    # Giving up is no success, even if it was done as planned.
    return "failed" if say.action_id(action) == "stop" and action.state == "done" else action.state


def _healed(time_account: Account, actions: tuple[Action, ...], lang: Lang) -> str:
    # Empty unless everything was healed.
    if not time_account.saved or any(
        say.action_id(action) == "stop" and action.state != "proposed" for action in actions
    ):
        return ""
    return text(
        "html.healed", lang, count=len(time_account.saved), goodput=say.percent(time_account.goodput_ratio or 0.0)
    )


def _generations(recording: Recording, span_s: float, lang: Lang) -> list[dict[str, Any]]:
    # Empty if the run had only one process.
    again = restarts(recording)
    if not again:
        return []
    starts = [(0, 0.0), *((process.generation, process.begun_s) for process in again)]
    ends = [*(process.down_s for process in again), span_s]
    return [
        {"name": text("heal.generation", lang, number=number + 1), "start": start_s, "end": max(end_s, start_s)}
        for (number, start_s), end_s in zip(starts, ends, strict=True)
    ]


def _goodput(time_account: Account, lang: Lang) -> dict[str, Any]:
    pieces = [(name, text(f"goodput.{name}", lang), getattr(time_account, f"{name}_s")) for name in PARTS]
    bar = [
        {"kind": name, "name": text("goodput.part", lang, name=words, duration=duration(seconds, lang)), "s": seconds}
        for name, words, seconds in pieces
    ]
    bar[2:2] = [
        {"kind": loss.kind, "name": say.loss_text(loss, lang), "s": loss.seconds} for loss in time_account.losses
    ]
    for piece in bar:
        piece["percent"] = 100 * float(piece["s"]) / time_account.wall_s
    return {
        "percent": say.percent(time_account.goodput_ratio or 0.0),
        "lines": say.goodput_lines(time_account, lang)[:2],
        "pieces": [piece for piece in bar if piece["percent"] >= LEAST_PERCENT],
    }
