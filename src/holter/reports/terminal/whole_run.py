"""The whole run as lines: notices, what was done, where the time went, and the curves after a heal."""

from __future__ import annotations

from collections.abc import Iterator

from holter.history.actions import merge_events
from holter.history.goodput import account
from holter.history.recovery import check
from holter.records import Diagnosis, Notice
from holter.reports import healing as say
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.outcome.wall import clocks
from holter.reports.wrapping import Line
from holter.tape import Recording

STYLE_OF_STATE = {"proposed": "cyan", "begun": "yellow", "done": "green", "failed": "red"}
SIGN_OF_RECOVERY = {"on-trend": ("✓", "green"), "jump": ("✗", "red"), "too-early": ("?", "yellow")}
# A run that was healed more often has the same problem many times; JSON and HTML list them all.
MAX_ACTIONS = 12


def sections(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang
) -> Iterator[tuple[str, Iterator[Line]]]:
    """Yield headings with their lines."""
    yield text("heading.notices", lang), _notices(recording, lang)
    yield text("heading.actions", lang), _actions(recording, diagnoses, lang)
    yield text("heading.goodput", lang), _goodput(recording, diagnoses, lang)
    yield text("heading.recovery", lang), _recovery(recording, lang)


def _notices(recording: Recording, lang: Lang) -> Iterator[Line]:
    for notice in recording.events(Notice):
        sign = clocks(recording.environment, notice.t_s)
        yield Line(phrase(notice.message, lang), indent=2, sign=sign, sign_style="yellow")


def _actions(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang) -> Iterator[Line]:
    actions = merge_events(recording)
    saved = {(saved_heal.t_s, saved_heal.action): saved_heal for saved_heal in account(recording, diagnoses).saved}
    rows = say.listed_actions(actions)
    for action, times in rows[:MAX_ACTIONS]:
        words = text("heal.line", lang, action=say.action_name(action, lang), state=say.outcome(action, lang, times))
        why = say.action_cause(action, lang)
        line = text("list.comma", lang, first=words, second=why) if why else words
        sign = clocks(recording.environment, action.begun_s)
        yield Line(line, indent=2, sign=sign, sign_style=STYLE_OF_STATE[action.state])
        for detail in say.action_details(action, lang):
            yield Line(detail, indent=10, style="dim")
        heal = saved.get((action.begun_s, action.action))
        if heal is not None:
            yield Line(say.stock(heal, lang), indent=10, sign="·", style="dim")
    if len(rows) > MAX_ACTIONS:
        yield Line(text("heal.more", lang, count=len(rows) - MAX_ACTIONS), indent=10)
    if say.saved_checkpoints(actions):
        yield Line(text("heal.checkpoints", lang, count=say.saved_checkpoints(actions)), indent=2, sign="·")


def _goodput(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang) -> Iterator[Line]:
    # Printed only if time was lost or something was healed; nothing for a program without known phases.
    time_account = account(recording, diagnoses)
    if time_account.goodput_ratio is not None and (time_account.losses or time_account.saved):
        for line in say.goodput_lines(time_account, lang):
            yield Line(line, indent=2)


def _recovery(recording: Recording, lang: Lang) -> Iterator[Line]:
    for recovery in check(recording):
        sign, style = SIGN_OF_RECOVERY[recovery.verdict]
        words = f"{clocks(recording.environment, recovery.t_s)} {text(f'heal.{recovery.action}', lang)}"
        yield Line(
            text("runner-up", lang, cause=words, verdict=say.recovery_text(recovery, lang)),
            indent=2,
            sign=sign,
            sign_style=style,
        )
