"""One message about the whole study at its end, and one a day while it runs: ``holter study run --notify``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from holter.records import Message, Text
from holter.reports.catalogue import Lang, phrase
from holter.sentences import define
from holter.study.plan import counted, hours_left
from holter.study.records import Cell
from holter.study.sentences import name_of
from holter.supervisor.notify.carrier import send
from holter.supervisor.notify.target import parse

DAY_S = 86_400.0
DEADLINE_S = 20.0
# A phone shows this many lines.
MOST_LINES = 8

TITLE = define("study-digest.title", "Holter study: {count} trainings", one="Holter study: {count} training")
OVER = define("study-digest.over", "The study has ended")
GOES_ON = define("study-digest.goes-on", "The study goes on")
LOOK_AT = define("study-digest.look-at", "{name}: {why}")
MORE = define("study-digest.more", "and {count} more", one="and {count} more")
NOT_SENT = define("study-digest.not-sent", "the message to {target} did not get through ({trouble})")


class Digest:
    """Sends messages to one address. ``tell``: gets an error that stopped a message; the study continues.

    Raises:  BadInput, MissingExtra when it is created.
    """

    def __init__(self, address: str, lang: Lang, tell: Callable[[Text], None], *, every_s: float = DAY_S) -> None:
        self._target, self._lang, self._tell, self._every_s = parse(address), lang, tell, every_s
        self._due_s: float | None = None

    def see(self, now_s: float, cells: Callable[[], Sequence[Cell]]) -> None:
        """Send the message of the day if it is due.

        ``now_s``: seconds of the monotonic clock. ``cells``: returns the present trainings.
        """
        if self._due_s is None:
            self._due_s = now_s + self._every_s
        elif now_s >= self._due_s:
            self._due_s = now_s + self._every_s
            self._send(GOES_ON(), cells(), None)

    def finish(self, cells: Sequence[Cell], why: Message | None) -> None:
        """Send the message at the end of the study.

        ``why``: why the queue started nothing more, if it was stopped.
        """
        self._send(OVER(), cells, why)

    def _send(self, what: Message, cells: Sequence[Cell], why: Message | None) -> None:
        lines = lines_of(what, cells, why)
        body = "\n".join(phrase(line, self._lang) for line in lines)
        title = phrase(TITLE(count=len(cells)), self._lang)
        trouble = send(self._target, title, body, ["study"], DEADLINE_S)
        if trouble:
            self._tell(NOT_SENT(target=self._target.shown, trouble=trouble))


def lines_of(what: Message, cells: Sequence[Cell], why: Message | None) -> list[Message]:
    """Return the lines of a message: state of the study, trainings that a person must look at, hours left."""
    looks = [
        LOOK_AT(name=name_of(cell.job), why=words)
        for cell in cells
        for words in (cell.why if cell.state == "broken" else None, cell.odd)
        if words is not None
    ]
    shown = looks if len(looks) <= MOST_LINES else [*looks[:MOST_LINES], MORE(count=len(looks) - MOST_LINES)]
    hours = hours_left(cells)
    return [line for line in (what, counted(cells), why, *shown, hours) if line is not None]
