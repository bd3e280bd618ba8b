"""Print the messages of a running recording on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from holter.cli.running.status_line import StatusLine
from holter.history.pace import Pace
from holter.records import ActionTaken, ContractSettled, Diagnosis, Episode, Notice, Text
from holter.reports.catalogue import load, phrase
from holter.reports.live import lines as live
from holter.reports.live.incidents import Incidents, KnownCauses
from holter.reports.live.line_writer import LineWriter
from holter.reports.live.pace import pace_line, stamp, status
from holter.reports.outcome import Outcome
from holter.sentences import define
from holter.supervisor.recording.listener import Listener

CLOSING = define("run.closing", "{headline}[[ Next: {command}]]")
NO_TAPE = define(
    "listener.no-tape",
    "{path} cannot be read now: there was no space for it, it was removed or moved to another disk, or its disk does "
    "not answer",
)


class StderrListener(Listener):
    """Prints prefixed lines to stderr, between the lines of the training. Never blocks on a slow reader."""

    def __init__(self, lang: Literal["en", "zh"], *, quiet: bool = False) -> None:
        load(lang)
        self._lang = lang
        self._echoes = live.RepeatFilter()
        stream = None if quiet else sys.stderr
        self._writer = LineWriter(stream, self._left_out)
        self._status = StatusLine(stream)
        self._pace: Pace | None = None
        self._incidents = Incidents()
        self._causes = KnownCauses()

    def alarm(self, episode: Episode) -> None:
        """Print the alarm; if several processes have the same problem, only once."""
        if self._incidents.is_new_alarm(episode):
            self._say_of_run(live.alarm(episode, self._lang))

    def cause(self, diagnosis: Diagnosis) -> None:
        """Print the lines that name the cause, if one was named and the lines are new."""
        if self._incidents.is_new_cause(diagnosis, live.cause(diagnosis, self._lang)):
            self._say_of_run(self._causes.words(diagnosis, self._lang))

    def over(self, episode: Episode) -> None:
        """Print that the problem is over, once all episodes of its kind are."""
        over = self._incidents.ended(episode)
        if over is not None:
            self._say_of_run(live.over(over, self._lang))

    def unfinished(self, episode: Episode) -> None:
        """Print that the training ended before the problem did."""
        until = self._incidents.ended(episode)
        if until is not None:
            self._say_of_run(live.unfinished(until, self._lang))

    def action(self, action: ActionTaken) -> None:
        """Print an action that Holter takes, or would take with ``--heal``."""
        line = live.action(action, self._lang) if self._echoes.is_new(action) else None
        if line is not None:
            self._say_of_run(line)

    def contract(self, settled: ContractSettled, before: ContractSettled | None) -> None:
        """Print what can be observed and done on this machine."""
        lines = live.contract(settled, before, self._lang)
        if lines is not None:
            self._say(lines)

    def notice(self, notice: Notice) -> None:
        """Print a warning about the run or the recording."""
        self._say_of_run(live.notice(notice, self._lang))

    def pace(self, pace: Pace, *, is_due: bool) -> None:
        """Show the speed on a terminal; elsewhere print it in a line from time to time."""
        self._pace = pace
        now_s = time.time()
        if is_due:
            self._say_of_run(pace_line(pace, now_s, self._lang), with_epoch=False)
        line = status(pace, now_s, self._lang)
        episode = self._incidents.newest
        if episode is not None:
            line = live.status_of(episode, pace.t_s, self._lang) + " · " + line
        self._status.show(live.marked(line))

    def note(self, text: Text) -> None:
        """Print a message of Holter itself."""
        self._say(phrase(text, self._lang))

    def wrote(self, path: Path, *, is_there: bool) -> None:
        """Print the path of the tape, or that there is none."""
        if is_there:
            self._say(live.wrote(str(path), self._lang))
        else:
            self.note(NO_TAPE(path=str(path)))

    def closing(self, ran: Outcome | None) -> None:
        """Print the result of the training and the next command; print nothing for a program that trains nothing.

        A program that failed before its first epoch counts as a training if the cause of its failure was named.
        """
        if ran is not None and (ran.trained or ran.cause):
            self.note(CLOSING(headline=ran.headline, command=ran.next_command))

    def close(self) -> None:
        """Wait until all lines are written, unless the reader is gone. Later lines are dropped."""
        self._status.close()
        self._writer.close()

    def __enter__(self) -> StderrListener:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _say_of_run(self, lines: str, *, with_epoch: bool = True) -> None:
        # When it was, in days and epochs: a log is read days later.
        when = stamp(self._pace if with_epoch else None, time.time(), self._lang)
        self._say(f"{when} {lines}")

    def _say(self, text: str) -> None:
        self._writer.say(live.marked(text))

    def _left_out(self, count: int) -> str:
        return live.marked(live.left_out(count, self._lang))


@contextmanager
def listeners_for(
    speaker: StderrListener, notify: str | None, lang: Literal["en", "zh"], name: str
) -> Iterator[tuple[Listener, Callable[[int, Outcome | None], None]]]:
    """Yield the listener of a run called ``name``, and the function to call with its exit code and outcome.

    Raises:  BadInput, MissingExtra for a URL that cannot be used; before anything is started.
    """
    if notify is None:
        yield speaker, lambda *_: None
        return
    from holter.supervisor.notify.notify import Notifier
    from holter.supervisor.recording.listener import CompositeListener

    notifier = Notifier(notify, lang, name=name, note=speaker.note)
    try:
        yield CompositeListener(speaker, notifier), notifier.finish
    finally:
        notifier.close()
