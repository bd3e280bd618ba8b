"""Which training it is and when it ran, as one or two lines."""

from __future__ import annotations

from holter.linux.signals import Signal
from holter.records import Message
from holter.reports.outcome import sentences as say
from holter.reports.outcome.record import Outcome
from holter.reports.outcome.wall import clock_of, parsed
from holter.texts.training_command import USUAL_TRAINER

# A command of another training is shown cut to this length.
MOST_CHARS = 60


def identity_of(ran: Outcome) -> tuple[Message, ...]:
    """Return the lines below the headline: data set, configuration, fold, host; begin, end, exit code."""
    lines = [_who(ran), _when(ran)]
    return tuple(line for line in lines if line is not None)


def _who(ran: Outcome) -> Message | None:
    who = ran.identity
    name: Message | str | None = None
    if who.dataset and who.configuration and who.fold is not None:
        trainer = who.trainer if who.trainer != USUAL_TRAINER else None
        name = say.FOLD(dataset=who.dataset, configuration=who.configuration, fold=who.fold, trainer=trainer)
    elif who.command:
        name = who.command if len(who.command) <= MOST_CHARS else f"{who.command[:MOST_CHARS]}…"
    if name is None:
        return None if who.host is None else say.HOST(host=who.host)
    return say.IDENTITY(name=name, host=who.host)


def _when(ran: Outcome) -> Message | None:
    start, end = parsed(ran.started), parsed(ran.ended)
    if start is None:
        return None
    if end is None and not ran.runs:
        end = parsed(ran.read)
    if end is None:
        return say.SINCE(start=clock_of(start), lasted=ran.wall_s)
    return say.SPAN(start=clock_of(start), end=clock_of(end, start), lasted=ran.wall_s, ending=_ending(ran))


def _ending(ran: Outcome) -> Message | None:
    if ran.exit_signal is not None:
        try:
            named = Signal(ran.exit_signal).name
        except ValueError:
            named = str(ran.exit_signal)
        return say.EXIT_SIGNAL(signal=named)
    return None if ran.exit_code is None else say.EXIT_CODE(number=ran.exit_code)
