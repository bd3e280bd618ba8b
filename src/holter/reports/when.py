"""When and where something happened in a run, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from holter.evidence.facts.training.progress import INTERRUPTED
from holter.records import Episode, EpochEnded, Noted, PhaseChanged
from holter.reports.catalogue import Lang, filling, text
from holter.reports.outcome.wall import FIRST_YEAR
from holter.tape import Recording
from holter.texts.recording import FROM_TEXT

# Between two sentences, or between a word and its place.
SPACE: Mapping[Lang, str] = {"en": " ", "zh": ""}
# Phases of every epoch, for which "in epoch 3" is more useful than the phase's name.
EPOCH_PHASES = ("train", "validate", "epoch-end", "checkpoint")
# Detectors of episodes with unknown length: a log that stops, an exception, a file that states facts.
TIMELESS = ("log", "log-end", INTERRUPTED, "evidence-file", "shown", "look")


def duration(seconds: float, lang: Lang) -> str:
    """Return a duration in readable units: "0.4 s", "41 s", "3 min 20 s", "2 h 5 min"."""
    return filling.duration(seconds, lambda unit, **numbers: text(unit, lang, **numbers))


def clock(t_s: float) -> str:
    """Return a time of the recording as h:mm:ss."""
    whole = max(0, round(t_s))
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def end_of(episode: Episode, recording: Recording) -> float:
    """Return when the episode ended, or the end of the recording if it has not."""
    return episode.end_s if episode.end_s is not None else max(recording.duration_s, episode.alarm_s)


def epoch_at(recording: Recording, t_s: float) -> int | None:
    """Return the training's epoch at that time, from phases and the log; None if unknown."""
    epoch: int | None = None
    events = [event for tick in recording.ticks() for event in tick.events if event.t_s <= t_s]
    for event in events:
        if isinstance(event, EpochEnded):
            epoch = event.epoch + 1
        elif isinstance(event, PhaseChanged) and event.epoch is not None:
            epoch = event.epoch
    return epoch


def where(episode: Episode, epoch: int | None, lang: Lang) -> str:
    """Return the place of an episode: " in epoch 3", " during final validation", or nothing."""
    if epoch is not None and episode.phase in EPOCH_PHASES:
        place = text("where.epoch", lang, epoch=epoch)
    elif episode.phase != "unknown":
        place = text("where.phase", lang, phase=text(f"phase.{episode.phase}", lang))
    else:
        return ""
    return SPACE[lang] + place


def wall_of(t_s: float, recording: Recording, lang: Lang) -> str:
    """Return the time by the clock of the log; empty if there is no clock."""
    environment = recording.environment
    if environment is None or not is_text(recording):
        return ""
    moment = datetime.fromisoformat(environment.wall_start) + timedelta(seconds=t_s)
    return "" if moment.year < FIRST_YEAR else text("target.when", lang, start=moment.strftime("%Y-%m-%d %H:%M:%S"))


def is_text(recording: Recording) -> bool:
    """Return whether the recording was read from a log or console, which shows no processes and no current state."""
    return any(
        note.what == FROM_TEXT for tick in recording.all_ticks[:1] for note in tick.events if isinstance(note, Noted)
    )


def how_long(episode: Episode, recording: Recording, lang: Lang) -> str | None:
    """Return how long an episode lasted; None for a death, which is a moment, and if the length is unknown."""
    is_moment = episode.kind == "death" or episode.detector in TIMELESS
    return None if is_moment else duration(end_of(episode, recording) - episode.start_s, lang)
