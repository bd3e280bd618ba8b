"""What was done to a run, in words: the same in live lines, notifications, the terminal and HTML."""

from __future__ import annotations

import re
from typing import NamedTuple

from holter.history.actions import Deed
from holter.history.goodput import Account, Loss
from holter.history.recovery import Measure, Recovery
from holter.history.stock_outcome import Saved
from holter.records import ActionTaken, Message, Text
from holter.remedies.ladder import LIMITS, REASONS, WAITS
from holter.reports.catalogue import Lang, known, phrase, text
from holter.reports.wording import duration, words_for_administrator
from holter.sentences import has, joined

# Tapes of before have the name of a plan's reason in place of a sentence; these say nothing to a person.
SILENT_REASONS = re.compile(r"step-[\w-]+|outside-our-reach")
ASKED_TO_STOP = "asked-to-stop"
# Saved checkpoints are the rule, and so are the processes that a restart ends: only trouble with them is told.
ONLY_FAILURES = ("save-checkpoint", "end-group")


def action_id(action: ActionTaken | Deed) -> str:
    """Return the name that the catalogue has for it: giving up is one thing, stopping because asked is another."""
    said: tuple[Text, ...]
    sources: tuple[str, ...]
    if isinstance(action, ActionTaken):
        sources, said = (action.source,), (action.said,)
    else:
        sources, said = action.sources, (*action.before, *action.after)
    asked = "hook" in sources or ASKED_TO_STOP in said or REASONS[ASKED_TO_STOP]() in said
    return "stop-asked" if action.action == "stop" and asked else action.action


def details(said: Text, lang: Lang) -> str:
    """Return what is said of an action, in words; empty if it says nothing."""
    if isinstance(said, Message):
        return phrase(said, lang)
    if SILENT_REASONS.fullmatch(said):
        return ""
    return phrase(REASONS[said](**LIMITS.get(said, {})), lang) if said in REASONS else said


def action_line(action: ActionTaken, lang: Lang) -> str | None:
    """Return what a person hears of an action while the run goes on; None where nothing needs to be said."""
    key = f"action.{action_id(action)}.{action.state}"
    if not known(key):
        return None
    told = text(key, lang)
    begins = action.state in ("begun", "proposed")
    detail = "" if key == "action.stop.done" else details(action.said, lang)
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
    before = deed.before
    if len(before) > 1:  # the hook has said it more closely
        before = tuple(part for part in before if not has(part, WAITS))
    said = (details(joined(*told), lang) for told in (before, deed.after))
    return [part for part in (settings(deed.settings), *said) if part]


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
