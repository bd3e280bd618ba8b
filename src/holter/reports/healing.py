"""What was done to a run, in words: the same in live lines, notifications, the terminal and HTML."""

from __future__ import annotations

import re
from typing import NamedTuple

from holter.history.actions import Deed
from holter.history.goodput import Account, Loss
from holter.history.recovery import Measure, Recovery
from holter.history.stock_outcome import Saved
from holter.records import ActionTaken
from holter.remedies import ladder
from holter.reports.catalogue import Lang, known, phrase, text
from holter.reports.wording import duration, words_for_administrator

# Reasons of plans that say nothing to a person, or that a sentence of their own says.
SILENT_REASONS = re.compile(r"step-[\w-]+|outside-our-reach")
# The supervisor names the cause in its texts; we tell it in words of its own.
CAUSE_IN_BRACKETS = re.compile(r" \((?:[a-z]+(?:-[a-z]+)+|None)\)$")
# What it says of a standstill in the epoch, whatever the reason.
WAITS = "the training waits for a batch"
# Saved checkpoints are the rule, and so are the processes that a restart ends: only trouble with them is told.
ONLY_FAILURES = ("save-checkpoint", "end-group")
# The limits that reasons speak of.
LIMITS = {"hour": ladder.HEALS_AN_HOUR, "run": ladder.HEALS_A_RUN, "row": ladder.HEALS_WITHOUT_EPOCH}


def action_id(action: ActionTaken | Deed) -> str:
    """Return the name that the catalogue has for it: giving up is one thing, stopping because asked is another."""
    sources = (action.source,) if isinstance(action, ActionTaken) else action.sources
    asked = "hook" in sources or action.text == "asked-to-stop"
    return "stop-asked" if action.action == "stop" and asked else action.action


def details(told: str, lang: Lang) -> str:
    """Return the text of an action: a reason by its key, anything else as a phrase; empty if it says nothing."""
    told = CAUSE_IN_BRACKETS.sub("", told)
    if SILENT_REASONS.fullmatch(told):
        return ""
    key = f"reason.{told}"
    return text(key, lang, **LIMITS) if known(key) else phrase(told, lang)


def action_line(action: ActionTaken, lang: Lang) -> str | None:
    """Return what a person hears of an action while the run goes on; None where nothing needs to be said."""
    key = f"action.{action_id(action)}.{action.state}"
    if not known(key):
        return None
    told = text(key, lang)
    begins = action.state in ("begun", "proposed")
    detail = "" if key == "action.stop.done" else details(action.text, lang)
    if action.message is not None:
        detail = phrase(action.message, lang)
    if detail:
        told = text("action.with-text", lang, told=told, text=detail)
    if action.settings and begins:
        told = text("action.with-settings", lang, told=told, settings=settings(action.settings))
    if begins and action.cause is not None and known(f"cause.{action.cause}.meaning"):
        why = text(f"cause.{action.cause}.meaning", lang).rstrip(".。")
        told = text("action.with-why", lang, told=told, why=why)
    return told


def request(action: ActionTaken, lang: Lang) -> tuple[str, str] | None:
    """Return how to ask the administrator, and the words; None where nobody needs to be asked."""
    if action.action != "wait" or action.state not in ("begun", "proposed"):
        return None
    words = words_for_administrator((*action.asks, ("cause", action.cause or "")), lang)
    return None if words is None else (text("action.ask", lang), words)


def settings(changed: tuple[tuple[str, str], ...]) -> str:
    """Return environment variables as one would type them."""
    return " ".join(f"{name}={value}" for name, value in changed)


# ------------------------------------------------------------------------------------------------- deeds, tabled


class Told(NamedTuple):
    """A row of a table: a deed, and how often it was repeated in vain right after."""

    deed: Deed
    times: int = 1


def told_deeds(deeds: tuple[Deed, ...]) -> tuple[Told, ...]:
    """Return the deeds that a report lists: what went as usual is left out, failures in a row are one."""
    found: list[Told] = []
    for deed in deeds:
        if deed.action in ONLY_FAILURES and deed.state != "failed":
            continue
        last = found[-1] if found else None
        if last is not None and deed.action in ONLY_FAILURES and _same(last.deed, deed):
            found[-1] = Told(last.deed, last.times + 1)
        else:
            found.append(Told(deed))
    return tuple(found)


def _same(one: Deed, other: Deed) -> bool:
    return (one.action, one.state, one.generation) == (other.action, other.state, other.generation)


def saved_checkpoints(deeds: tuple[Deed, ...]) -> int:
    """Return how many checkpoints were written and verified."""
    return sum(deed.action == "save-checkpoint" and deed.state == "done" for deed in deeds)


def deed_name(deed: Deed, lang: Lang) -> str:
    """Return what was done, in a word or two."""
    key = f"deed.{action_id(deed)}"
    return text(key, lang) if known(key) else deed.action


def outcome(deed: Deed, lang: Lang, times: int = 1) -> str:
    """Return how it went: "done after 6 s", "failed 12 times"."""
    state = text(f"deed-state.{deed.state}", lang)
    if times > 1:
        return text("deed.times", lang, state=state, times=times)
    if deed.ended_s is None or deed.ended_s - deed.begun_s < 0.1:
        return state
    return text("deed.after", lang, state=state, duration=duration(deed.ended_s - deed.begun_s, lang))


def deed_cause(deed: Deed, lang: Lang) -> str:
    """Return the title of the cause it was done for; empty where none is known."""
    key = f"cause.{deed.cause}.title"
    return text(key, lang) if deed.cause is not None and known(key) else ""


def deed_details(deed: Deed, lang: Lang) -> list[str]:
    """Return changed settings, what was said when it began and when it ended; nothing twice."""
    before = [CAUSE_IN_BRACKETS.sub("", part) for part in deed.text.split("; ")]
    if len(before) > 1:  # the hook has said it more closely
        before = [part for part in before if part != WAITS]
    after = [part for part in deed.result.split("; ") if part not in before]
    parts = (settings(deed.settings), *(details("; ".join(dict.fromkeys(told)), lang) for told in (before, after)))
    said = (phrase(message, lang) for message in deed.messages)
    return [part for part in (*parts, *said) if part]


def stock(saved: Saved, lang: Lang) -> str:
    """Return what stock nnU-Net does at this point."""
    return text(f"stock.{saved.stock}", lang)


# ------------------------------------------------------------------------------------------------------- goodput


def goodput_lines(account: Account, lang: Lang) -> list[str]:
    """Return two or three sentences: what counted, what was lost to what, what else took time."""
    told = []
    if account.goodput_ratio is not None:
        work = duration(account.training_s + account.validation_s, lang)
        wall = duration(account.wall_s, lang)
        told.append(text("goodput.ratio", lang, percent=percent(account.goodput_ratio), work=work, wall=wall))
    if account.losses:
        losses = text("list.join", lang).join(loss_text(loss, lang) for loss in account.losses)
        share = percent(account.lost_ratio or 0.0)
        told.append(text("goodput.lost", lang, lost=duration(account.lost_s, lang), percent=share, parts=losses))
    else:
        told.append(text("goodput.nothing-lost", lang))
    rest = [(name, getattr(account, f"{name}_s")) for name in ("startup", "checkpoint", "other")]
    parts = [_part(name, seconds, None, lang) for name, seconds in rest if seconds >= 0.5]
    if parts:
        told.append(text("goodput.rest", lang, parts=text("list.join", lang).join(parts)))
    return told


def loss_text(loss: Loss, lang: Lang) -> str:
    """Return one loss: how, how long and why."""
    return _part(loss.kind, loss.seconds, loss.cause, lang)


def _part(name: str, seconds: float, cause: str | None, lang: Lang) -> str:
    values = {"name": text(f"goodput.{name}", lang), "duration": duration(seconds, lang)}
    key = f"cause.{cause}.title"
    if cause is None or not known(key):
        return text("goodput.part", lang, **values)
    return text("goodput.part-with-cause", lang, **values, cause=text(key, lang))


def percent(ratio: float) -> str:
    """Return a share in percent, with a decimal where it matters."""
    value = 100 * ratio
    return f"{value:.1f}" if 0 < value < 10 or 90 < value < 100 else f"{value:.0f}"


# ------------------------------------------------------------------------------------------------------ recovery


def recovery_text(recovery: Recovery, lang: Lang) -> str:
    """Return what the curves say after a heal."""
    jumps = [measure_text(measure, lang) for measure in recovery.measures if measure.jump]
    return text(
        f"recovery.{recovery.verdict}.sentence",
        lang,
        jumps=text("list.join", lang).join(jumps),
        before=recovery.epochs_before,
        after=recovery.epochs_after,
    )


def measure_text(measure: Measure, lang: Lang) -> str:
    """Return a reading beside what the trend led to expect."""
    return text(
        "recovery.measure",
        lang,
        name=text(f"recovery.{measure.name}", lang),
        seen=f"{measure.seen:.3f}",
        expected=f"{measure.expected:.3f}",
        tolerance=f"{measure.tolerance:.2f}",
    )
