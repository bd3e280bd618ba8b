"""The pages of events and of the log."""

from __future__ import annotations

from collections.abc import Iterator

from holter.history.fates import SAME_END_S
from holter.records import (
    ActionTaken,
    Episode,
    Event,
    ExceptionSeen,
    KernelMessage,
    LogLine,
    Noted,
    Notice,
    ProcessEnded,
)
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.healing import action_line
from holter.reports.html.facts import event_words
from holter.reports.when import clock
from holter.sentences import define
from holter.views.model.story import Story
from holter.views.model.view import View
from holter.views.top.draw.glyphs import EPISODES
from holter.views.top.draw.paper import MOST_FRAMES, MOST_LINES, Paper

TELLING = (ActionTaken, Notice, ExceptionSeen, KernelMessage, Noted, LogLine, ProcessEnded)

NO_EVENTS = define("top.no-events", "Nothing has happened yet.")
NO_LOG = define("top.no-log", "No line was kept yet; only warnings, errors and phases are kept.")
NOTICED = define("top.noticed", "{kind} noticed: {reason}")
OVER = define("top.episode-over", "{kind} over after {lasted:duration}")
UNTIL = define("top.episode-until-end", "{kind} until the training ended, after {lasted:duration}")
NAMED = define("top.cause-named", "cause: {cause} ({verdict})")


def events(view: View, story: Story, lang: Lang, paper: Paper) -> None:
    """Write to ``paper`` what happened up to the moment that the view shows, oldest first."""
    rows = sorted(happened_until(view.at_s, story, lang), key=lambda row: row[0])
    for t_s, style_name, words in rows[-MOST_LINES:]:
        paper.add((f"{clock(t_s):>8}  ", "dim"), (words, style_name), hang=10)
    if not rows:
        paper.add((phrase(NO_EVENTS(), lang), "dim"))


def happened_until(t_s: float, story: Story, lang: Lang) -> Iterator[tuple[float, str, str]]:
    """Yield (time, style, text) of everything that happened up to a moment, in no order."""
    for event in _latest(story.events, t_s, TELLING):
        if isinstance(event, ActionTaken):
            words = action_line(event, lang)
            if words is not None:
                yield event.t_s, "bold cyan", words
        elif isinstance(event, Notice):
            yield event.t_s, "yellow", phrase(event.message, lang)
        elif not isinstance(event, ProcessEnded) or not story.is_orderly(event.pid):
            described = event_words(event, lang)
            if described is not None:
                kind, content = described
                yield event.t_s, _STYLE_OF_EVENT.get(kind, ""), content
    for episode in story.episodes:
        kind = text(f"kind.{episode.kind}.headline", lang)
        if episode.alarm_s <= t_s:
            reason = phrase(episode.reason, lang) or text("live.looking", lang)
            yield episode.alarm_s, EPISODES.get(episode.kind, "bold"), phrase(NOTICED(kind=kind, reason=reason), lang)
        if episode.end_s is not None and episode.end_s <= t_s:
            lasted = episode.end_s - episode.start_s
            over = _is_over(episode, story)
            yield (
                episode.end_s,
                "green" if over else "",
                phrase((OVER if over else UNTIL)(kind=kind, lasted=lasted), lang),
            )
    for judged in story.judged:
        if judged.cause is not None and judged.verdict is not None and judged.t_s <= t_s:
            cause = text(f"cause.{judged.cause}.title", lang)
            verdict = text(f"verdict.{judged.verdict}", lang)
            yield judged.t_s, "bold", phrase(NAMED(cause=cause, verdict=verdict), lang)


# Not if it only ended with the training.
def _is_over(episode: Episode, story: Story) -> bool:
    ends = (event for event in story.events if isinstance(event, ProcessEnded) and event.role == "main")
    return not any(event.exit_code != 0 and abs((episode.end_s or 0.0) - event.t_s) <= SAME_END_S for event in ends)


_STYLE_OF_EVENT = {"end": "bold red", "error": "red", "kernel": "magenta", "warning": "yellow", "note": ""}


def _latest(events: list[Event], until_s: float, kinds: tuple[type, ...]) -> list[Event]:
    found: list[Event] = []
    for event in reversed(events):
        if event.t_s <= until_s and isinstance(event, kinds):
            found.append(event)
            if len(found) >= MOST_LINES:
                break
    return found[::-1]


def log(view: View, story: Story, lang: Lang, paper: Paper) -> None:
    """Write to ``paper`` the kept lines of log, console and kernel, and tracebacks, up to the moment shown."""
    shown = _latest(story.events, view.at_s, (LogLine, ExceptionSeen, KernelMessage))
    for event in shown:
        when = (f"{clock(event.t_s):>8}  ", "dim")
        if isinstance(event, LogLine):
            style_name = {"warning": "yellow", "error": "red"}.get(event.level, "")
            paper.add(when, (phrase(event.message or event.text, lang), style_name), hang=10)
        elif isinstance(event, KernelMessage):
            paper.add(when, (event.text, "magenta"), hang=10)
        elif isinstance(event, ExceptionSeen):
            paper.add(when, (f"{event.error}: {event.message}", "red"), hang=10)
            for line in event.traceback.splitlines()[-MOST_FRAMES:]:
                paper.add(("          ", ""), (line, "dim"), hang=12)
    if not shown:
        paper.add((phrase(NO_LOG(), lang), "dim"))
