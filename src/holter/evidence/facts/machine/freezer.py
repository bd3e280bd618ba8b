"""Facts about processes in a cgroup freezer, and about pauses of the training."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import NO_PROCESS_TREE
from holter.evidence.window import Window
from holter.evidence.words import is_in_freezer, process_of
from holter.records import Message
from holter.sentences import define

IN_FREEZER = define("freezer.in-freezer", "wait channel {channel}")
NOT_FROZEN = define("freezer.not-frozen", "no process is in a freezer")
NO_PAUSES = define("freezer.no-pauses", "no pauses were noticed")


def collect(window: Window, book: FactBook) -> None:
    """State which processes are frozen, and the pauses of the training."""
    processes = window.processes()
    frozen = [process for process in processes if is_in_freezer(process)]
    if not processes:
        book.unknown("frozen.processes", NO_PROCESS_TREE())
    elif frozen:
        names = tuple(process_of(process) for process in frozen)
        book.known("frozen.processes", names, IN_FREEZER(channel=frozen[0].wait_channel))
    else:
        book.known("frozen.processes", (), NOT_FROZEN())
    reason = window.episode.reason
    pauses = reason if isinstance(reason, Message) and reason.key == "pauses.reason" else None
    for name, value in (("count", "count"), ("each_s", "each"), ("part", "part")):
        number = pauses.value(value) if pauses is not None else None
        if isinstance(number, (int, float)):
            book.known(f"pauses.{name}", number, reason)
        else:
            book.not_applicable(f"pauses.{name}", NO_PAUSES())
    numbers = [pauses.value(name) if pauses is not None else None for name in ("span", "part", "count", "usual")]
    if all(isinstance(number, (int, float)) and number > 0 for number in numbers):
        span_s, part, count, usual_s = (float(str(number)) for number in numbers)
        book.known("pauses.every_steps", max(1, round(span_s * (1 - part) / count / usual_s)), reason)
    else:
        book.not_applicable("pauses.every_steps", NO_PAUSES())
