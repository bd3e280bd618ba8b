"""The speed of a training in one line, and in a shorter line that a terminal shows all the time."""

from __future__ import annotations

import time

from holter.history.pace import Pace
from holter.records import Message
from holter.reports.catalogue import Lang, known, phrase, text
from holter.reports.when import duration
from holter.sentences import define

EPOCH = define("pace.epoch", "epoch {epoch}/{epochs}")
EPOCH_ALONE = define("pace.epoch-alone", "epoch {epoch}")
NO_EPOCH = define("pace.no-epoch", "no epoch has begun yet")
LENGTH = define("pace.length", "{length} per epoch")
GPU = define("pace.gpu", "GPU {share:.0f} %")
WAITS = define("pace.waits", "waits for data {share:.0f} %")
ENDS = define("pace.ends", "ends about {when}")
ENOUGH = define("pace.enough", "the time limit of this job is enough")
NOT_ENOUGH = define(
    "pace.not-enough",
    "the time limit of this job ({when}) comes first, at about epoch {epoch}: the training must be continued after it",
)
STAMP = define("pace.stamp", "{clock}:")
STAMP_IN_EPOCH = define("pace.stamp-epoch", "{clock}, epoch {epoch}:")
DAYS = tuple(define(f"day.{name.lower()}", name) for name in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
WHEN = define("pace.when", "{day} {clock}")
# A weekday names a day of the coming week; later ones need their date.
WEEK_S = 6 * 86400.0
SEPARATOR = " · "
# These alternate all the time.
USUAL = ("train", "validate", "epoch-end")


def stamp(pace: Pace | None, wall_s: float, lang: Lang) -> str:
    """Return the beginning of each line about a run: date and time, and the epoch if one is known."""
    clock = time.strftime("%m-%d %H:%M:%S", time.localtime(wall_s))
    if pace is None or pace.epoch is None:
        return phrase(STAMP(clock=clock), lang)
    return phrase(STAMP_IN_EPOCH(clock=clock, epoch=pace.epoch), lang)


def pace_line(pace: Pace, now_wall_s: float, lang: Lang) -> str:
    """Return the speed, when the training will end, and whether the job's time is enough."""
    parts = [*_short(pace, lang), *_end(pace, now_wall_s, lang)]
    slot = _slot(pace, now_wall_s, lang)
    return SEPARATOR.join([*parts, *([slot] if slot else [])])


def status(pace: Pace, now_wall_s: float, lang: Lang) -> str:
    """Return the line for a terminal: the one of ``pace_line``, and the phase if it is unusual."""
    parts = [*_short(pace, lang), *_end(pace, now_wall_s, lang)]
    if pace.phase and pace.phase not in USUAL and known(f"phase.{pace.phase}"):
        parts.insert(1, text(f"phase.{pace.phase}", lang))
    return SEPARATOR.join(parts)


def _short(pace: Pace, lang: Lang) -> list[str]:
    if pace.epoch is None and not pace.done:
        return [phrase(NO_EPOCH(), lang)]
    epoch = pace.done if pace.epoch is None else pace.epoch
    messages: list[Message] = [
        EPOCH_ALONE(epoch=epoch) if pace.epochs is None else EPOCH(epoch=epoch, epochs=pace.epochs)
    ]
    if pace.epoch_s is not None:
        messages.append(LENGTH(length=duration(pace.epoch_s, lang)))
    if pace.gpu_ratio is not None:
        messages.append(GPU(share=100 * pace.gpu_ratio))
    if pace.data_wait_ratio is not None:
        messages.append(WAITS(share=100 * pace.data_wait_ratio))
    return [phrase(message, lang) for message in messages]


def _end(pace: Pace, now_wall_s: float, lang: Lang) -> list[str]:
    if not pace.left_s:
        return []
    return [phrase(ENDS(when=when(now_wall_s + pace.left_s, now_wall_s, lang)), lang)]


def _slot(pace: Pace, now_wall_s: float, lang: Lang) -> str | None:
    # Slurm ends the job then, whatever the training does.
    left_s, slot_s = pace.left_s, pace.slot_left_s
    if left_s is None or slot_s is None or not pace.epoch_s:
        return None
    message: Message = ENOUGH()
    if left_s > slot_s:
        epoch = pace.done + int(slot_s / pace.epoch_s)
        message = NOT_ENOUGH(when=when(now_wall_s + slot_s, now_wall_s, lang), epoch=epoch)
    return phrase(message, lang)


def when(wall_s: float, now_wall_s: float, lang: Lang) -> str:
    """Return a future time in words: only the time if it is today, with the weekday within a week, else the date."""
    then = time.localtime(wall_s)
    clock = time.strftime("%H:%M", then)
    if wall_s - now_wall_s >= WEEK_S:
        day = time.strftime("%Y-%m-%d", then)
    elif then[:3] == time.localtime(now_wall_s)[:3]:
        return clock
    else:
        day = phrase(DAYS[then.tm_wday](), lang)
    return phrase(WHEN(day=day, clock=clock), lang)
