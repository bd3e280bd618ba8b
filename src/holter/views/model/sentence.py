"""The sentence on top of every screen: what the training does, or what is wrong, as it was known at a moment."""

from __future__ import annotations

from typing import Literal

import msgspec

from holter.history.standing import standing
from holter.records import (
    ActionTaken,
    ContractSettled,
    Event,
    Judged,
    LogLine,
    Notice,
    PhaseChanged,
    ProcessEnded,
    Tick,
)
from holter.reports.catalogue import Lang, phrase
from holter.reports.live.pace import ENDS, LENGTH, when
from holter.reports.outcome import Outcome, outcome_of
from holter.reports.outcome.wall import wall_at
from holter.reports.when import SPACE, duration
from holter.sentences import define
from holter.tape import Recording
from holter.views.model.story import Story
from holter.views.model.view import View

Tone = Literal["good", "warn", "bad", "plain"]
# After such a silence nobody will go on writing the tape; the same as in ``holter diagnose``.
OVER_S = 60.0
# Events of which only the last ones say anything about now; of the others all do.
RECENT_EVENTS = 100
LASTING = (ActionTaken, ContractSettled, Judged, Notice, ProcessEnded)

SILENT = define("view.silent", "No reading for {age:duration}: the recorder stopped. The training may still run.")
WRITES_NOTHING = define(
    "view.writes-nothing",
    "No reading for {age:duration}: the recorder is alive but writes nothing. It may be stopped, or its disk full.",
)
WAITS_FOR_FIRST = define("view.waits-for-first", "The recording begins; there is no reading yet.")
JOINED = define("view.and", "{first}, {second}.")


def sentence(view: View, story: Story, lang: Lang) -> tuple[str, Tone]:
    """Return the sentence for the view's time, and how serious it is."""
    if view.silent_s is not None and view.is_live:
        silent = WRITES_NOTHING if view.recorder_lives else SILENT
        return phrase(silent(age=view.silent_s), lang), "bad"
    if view.tick is None and not story.events:
        return phrase(WAITS_FOR_FIRST(), lang), "plain"
    ran = outcome_at(view, story)
    words = phrase(ran.headline, lang)
    stands = standing(known_at(view.at_s, view.tick, story)) is not None
    if ran.state == "running" and not stands:  # while nothing goes on, no end can be foretold
        words += _pace(view, lang)
    return words, "warn" if stands and ran.state == "running" else tone_of(ran)


def outcome_at(view: View, story: Story) -> Outcome:
    """Return the outcome as it was known at the view's time."""
    is_over = view.is_live and (story.finished or (view.silent_s or 0.0) > OVER_S)
    return outcome_of(known_at(view.at_s, view.tick, story), is_over=is_over, lost_s=0.0)


def known_at(t_s: float, tick: Tick | None, story: Story) -> Recording:
    """Return a short recording of what was known at ``t_s``, from which its sentence can be computed quickly.

    It holds ``tick``, the latest ``RECENT_EVENTS`` events, and of the earlier ones those whose meaning lasts.
    """
    events = [event for event in story.events if event.t_s <= t_s]
    recent = events[-RECENT_EVENTS:]
    begin = len(events) - len(recent)
    kept: list[Event] = [event for event in events[:begin] if isinstance(event, LASTING)]
    kept += [event for kind in (PhaseChanged, LogLine) for event in _last(events[:begin], kind)]
    episodes = tuple(
        episode if episode.end_s is None or episode.end_s <= t_s else msgspec.structs.replace(episode, end_s=None)
        for episode in story.episodes
        if episode.alarm_s <= t_s
    )
    now = Tick(t_s=t_s) if tick is None else msgspec.structs.replace(tick, t_s=t_s, span_s=0.0)
    return Recording(
        all_ticks=(Tick(t_s=story.first_s, events=(*kept, *recent)), now),
        all_episodes=episodes,
        environment=story.environment,
        finished=story.finished and t_s >= story.last_s,
    )


def _last(events: list[Event], kind: type) -> list[Event]:
    return [event for event in reversed(events) if isinstance(event, kind)][:1]


def tone_of(ran: Outcome) -> Tone:
    """Return how serious an outcome is."""
    if ran.is_good:
        return "good"
    if ran.state == "cut" and not ran.fates:
        return "plain"  # nothing wrong was seen while it was recorded, as ``holter diagnose`` says
    if ran.state in ("troubled", "restarting", "end-unseen", "cut", "unwatched"):
        return "warn"
    return "plain" if ran.state == "nothing-trained" else "bad"


def _pace(view: View, lang: Lang) -> str:
    # The length of an epoch, and when the last one will end by the clock of this terminal.
    usual, ended = view.usual_epoch_s, view.ended
    if usual is None or ended is None:
        return ""
    length = LENGTH(length=duration(usual, lang))
    total = view.environment.num_epochs if view.environment is not None else None
    now = wall_at(view.environment, view.at_s)
    if total is None or now is None:
        said = phrase(length, lang) + ("。" if lang == "zh" else ".")
    else:
        left_s = max(0.0, (total - ended.epoch - 1) * usual - (view.at_s - ended.t_s))
        now_s = now.timestamp()
        said = phrase(JOINED(first=length, second=ENDS(when=when(now_s + left_s, now_s, lang))), lang)
    return SPACE[lang] + said
