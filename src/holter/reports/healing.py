"""Actions on a run as text: the same in live lines, notifications, the terminal and HTML."""

from __future__ import annotations

from typing import NamedTuple

from holter.history.actions import Action
from holter.history.goodput import Account, Loss
from holter.history.recovery import Measure, Recovery
from holter.history.stock_outcome import Saved
from holter.patterns import later
from holter.records import ActionTaken, Message, Text
from holter.remedies.ladder import LIMITS, REASONS, WAITS
from holter.reports.catalogue import Lang, known, phrase, text
from holter.reports.when import duration
from holter.reports.wording import words_for_administrator
from holter.sentences import has, joined

# Older tapes have the name of a plan's reason instead of a sentence; these names are not shown.
SILENT_REASONS = later(r"step-[\w-]+|outside-our-reach")
ASKED_TO_STOP = "asked-to-stop"
# Saving checkpoints, and ending processes for a restart, are normal: only failures are reported.
ONLY_FAILURES = ("save-checkpoint", "end-group")


def action_id(action: ActionTaken | Action) -> str:
    """Return the action's name in the catalogue: ``stop-asked`` for a stop on request, ``stop`` for giving up."""
    texts: tuple[Text, ...]
    sources: tuple[str, ...]
    if isinstance(action, ActionTaken):
        sources, texts = (action.source,), (action.said,)
    else:
        sources, texts = action.sources, (*action.before, *action.after)
    asked = "hook" in sources or ASKED_TO_STOP in texts or REASONS[ASKED_TO_STOP]() in texts
    return "stop-asked" if action.action == "stop" and asked else action.action


def details(content: Text, lang: Lang) -> str:
    """Return the explanation of an action as text; empty if it has none, or if its reason need not be shown."""
    if isinstance(content, Message):
        return phrase(content, lang)
    if SILENT_REASONS.fullmatch(content):
        return ""
    return phrase(REASONS[content](**LIMITS.get(content, {})), lang) if content in REASONS else content


def action_line(action: ActionTaken, lang: Lang) -> str | None:
    """Return the live line for an action; None if nothing needs to be reported."""
    key = f"action.{action_id(action)}.{action.state}"
    if not known(key):
        return None
    line = text(key, lang)
    begins = action.state in ("begun", "proposed")
    detail = "" if key == "action.stop.done" else details(action.said, lang)
    if detail:
        line = text("action.with-text", lang, action=line, text=detail)
    if action.settings and begins:
        line = text("action.with-settings", lang, action=line, settings=settings(action.settings))
    if begins and action.cause is not None and known(f"cause.{action.cause}.meaning"):
        why = text(f"cause.{action.cause}.meaning", lang).rstrip(".。")
        line = text("action.with-why", lang, action=line, why=why)
    return line


def request(action: ActionTaken, lang: Lang) -> tuple[str, str] | None:
    """Return the introduction and the text of a request to the administrator, or None."""
    if action.action != "wait" or action.state not in ("begun", "proposed"):
        return None
    words = words_for_administrator((*action.asks, ("cause", action.cause or "")), lang)
    return None if words is None else (text("action.ask", lang), words)


def settings(changed: tuple[tuple[str, str], ...]) -> str:
    """Return environment variables as they are typed in a shell."""
    return " ".join(f"{name}={value}" for name, value in changed)


# ------------------------------------------------------------------------------------------------- actions, tabled


class ActionRow(NamedTuple):
    """A row of a table: an action, and how often it failed in a row."""

    action: Action
    times: int = 1


def listed_actions(actions: tuple[Action, ...]) -> tuple[ActionRow, ...]:
    """Return the actions that a report lists, without normal ones; several failures in a row are one row."""
    rows: list[ActionRow] = []
    for action in actions:
        if action.action in ONLY_FAILURES and action.state != "failed":
            continue
        last = rows[-1] if rows else None
        if last is not None and action.action in ONLY_FAILURES and _same(last.action, action):
            rows[-1] = ActionRow(last.action, last.times + 1)
        else:
            rows.append(ActionRow(action))
    return tuple(rows)


def _same(first: Action, other: Action) -> bool:
    return (first.action, first.state, first.generation) == (other.action, other.state, other.generation)


def saved_checkpoints(actions: tuple[Action, ...]) -> int:
    """Return how many checkpoints were written and verified."""
    return sum(action.action == "save-checkpoint" and action.state == "done" for action in actions)


def action_name(action: Action, lang: Lang) -> str:
    key = f"heal.{action_id(action)}"
    return text(key, lang) if known(key) else action.action


def outcome(action: Action, lang: Lang, times: int = 1) -> str:
    """Return the result of an action: "done after 6 s", "failed 12 times"."""
    state = text(f"heal-state.{action.state}", lang)
    if times > 1:
        return text("heal.times", lang, state=state, times=times)
    if action.ended_s is None or action.ended_s - action.begun_s < 0.1:
        return state
    return text("heal.after", lang, state=state, duration=duration(action.ended_s - action.begun_s, lang))


def action_cause(action: Action, lang: Lang) -> str:
    """Return the title of the cause of the action; empty if none is known."""
    key = f"cause.{action.cause}.title"
    return text(key, lang) if action.cause is not None and known(key) else ""


def action_details(action: Action, lang: Lang) -> list[str]:
    """Return changed settings and the texts recorded at the start and the end, without repetitions."""
    before = action.before
    if len(before) > 1:  # the hook has recorded a more exact reason
        before = tuple(part for part in before if not has(part, WAITS))
    texts = (details(joined(*parts), lang) for parts in (before, action.after))
    return [part for part in (settings(action.settings), *texts) if part]


def stock(saved: Saved, lang: Lang) -> str:
    """Return a sentence on what stock nnU-Net, or another program, would have done without this heal."""
    return text(f"stock.{saved.stock}" if saved.of_nnunet else f"stock.plain-{saved.stock}", lang)


# ------------------------------------------------------------------------------------------------------- goodput


def goodput_lines(account: Account, lang: Lang) -> list[str]:
    """Return two or three sentences: useful time, time lost and why, and what else took time."""
    lines = []
    if account.goodput_ratio is not None:
        work = duration(account.training_s + account.validation_s, lang)
        wall = duration(account.wall_s, lang)
        key = "goodput.ratio" if account.validates else "goodput.ratio-training"
        lines.append(text(key, lang, percent=percent(account.goodput_ratio), work=work, wall=wall))
    if account.losses:
        losses = text("list.join", lang).join(loss_text(loss, lang) for loss in account.losses)
        share = percent(account.lost_ratio or 0.0)
        lines.append(text("goodput.lost", lang, lost=duration(account.lost_s, lang), percent=share, parts=losses))
    else:
        lines.append(text("goodput.nothing-lost", lang))
    rest = [(name, getattr(account, f"{name}_s")) for name in ("startup", "checkpoint", "other")]
    parts = [_part(name, seconds, None, lang) for name, seconds in rest if seconds >= 0.5]
    if parts:
        lines.append(text("goodput.rest", lang, parts=text("list.join", lang).join(parts)))
    return lines


def loss_text(loss: Loss, lang: Lang) -> str:
    """Return one loss: its kind, duration and cause."""
    return _part(loss.kind, loss.seconds, loss.cause, lang)


def _part(name: str, seconds: float, cause: str | None, lang: Lang) -> str:
    values = {"name": text(f"goodput.{name}", lang), "duration": duration(seconds, lang)}
    key = f"cause.{cause}.title"
    if cause is None or not known(key):
        return text("goodput.part", lang, **values)
    return text("goodput.part-with-cause", lang, **values, cause=text(key, lang))


def percent(ratio: float) -> str:
    """Return a ratio in percent, with one decimal below 10 % and above 90 %."""
    value = 100 * ratio
    return f"{value:.1f}" if 0 < value < 10 or 90 < value < 100 else f"{value:.0f}"


# ------------------------------------------------------------------------------------------------------ recovery


def recovery_text(recovery: Recovery, lang: Lang) -> str:
    """Return what the training curves show after a heal."""
    jumps = [measure_text(measure, lang) for measure in recovery.measures if measure.jump]
    return text(
        f"recovery.{recovery.verdict}.sentence",
        lang,
        jumps=text("list.join", lang).join(jumps),
        before=recovery.epochs_before,
        after=recovery.epochs_after,
    )


def measure_text(measure: Measure, lang: Lang) -> str:
    """Return a measured value and the value that the trend predicted."""
    return text(
        "recovery.measure",
        lang,
        name=text(f"recovery.{measure.name}", lang),
        seen=f"{measure.seen:.3f}",
        expected=f"{measure.expected:.3f}",
        tolerance=f"{measure.tolerance:.2f}",
    )
