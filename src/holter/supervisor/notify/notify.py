"""``--notify URL``: notify people who are not at the terminal. Few messages, and the recorder never waits for them.

A thread collects the lines; a child process with a deadline sends them, so that a stalled server delays nothing. The
URL is a secret (it usually contains a token): it goes to the child over a pipe, and messages show only its scheme and
host.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from holter.history.standing import LEFT
from holter.records import ActionTaken, Diagnosis, Episode, Notice, Text, exit_codes
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.live import lines as live
from holter.reports.outcome import Outcome, identity_of
from holter.sentences import define
from holter.supervisor.notify.carrier import send
from holter.supervisor.notify.target import parse
from holter.supervisor.recording.listener import Listener
from holter.supervisor.signals import FORWARDED

# At most one message in this time; later lines go into the next one.
PAUSE_S = 30.0
# An alarm waits this long for its cause, which mostly comes within seconds: one message instead of two.
GATHER_S = 5.0
# A healthy service answers within a second; a child that takes longer is killed.
DEADLINE_S = 8.0
# The run is over and its exit code must not be delayed: a child that still sends goes on alone, up to its deadline.
FAREWELL_S = 2.0
# A phone shows this many lines; further ones are only counted.
MOST_LINES = 8
# Lines sent of one alarm or cause: the report has the evidence.
LINES_EACH = 3
# Of lines that differ in their numbers only, one is sent in this time: a phone that rings all night is switched off.
SAME_S = 1800.0

NOT_SENT = define(
    "notify.not-sent", "notifications to {target} cannot be sent ({trouble}); the training is not affected"
)
AGAIN = define("notify.again", "{message} ({count} more like this since {clock})")

Event = Literal["alarm", "cause", "over", "action", "stop", "finish"]
URGENT = ("stop", "finish")


class _Line(NamedTuple):
    event: Event
    content: str


class _Same(NamedTuple):
    sent_s: float  # monotonic
    clock: str
    more: int = 0  # that were not sent


class Notifier(Listener):
    """Sends a message to one URL at an alarm, a cause, a repair, a stop and the end. Only ``close`` may block.

    A program that goes on without its training is an alarm here: its end may never come.

    ``note`` is called once if sending fails.

    Raises:  BadInput, MissingExtra, both only when it is created.
    """

    def __init__(
        self,
        url: str,
        lang: Lang = "en",
        *,
        name: str = "",
        note: Callable[[Text], None] | None = None,
        pause_s: float = PAUSE_S,
        gather_s: float = GATHER_S,
        deadline_s: float = DEADLINE_S,
        same_s: float = SAME_S,
    ) -> None:
        """``name``: the training's name, for people who have several."""
        self.target = parse(url)
        self._lang = lang
        self._title = text("notify.title", lang, name=name or text("notify.some-training", lang))
        self._note = note or (lambda _: None)
        self._pause_s, self._gather_s, self._deadline_s = pause_s, gather_s, deadline_s
        self._echoes = live.RepeatFilter()
        self._same: dict[tuple[Event, str], _Same] = {}
        self._same_s = same_s
        self._waiting: list[_Line] = []
        self._first_s = 0.0  # when the oldest waiting line came
        self._sent_s = float("-inf")
        self._closing = False
        self._failed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads for this user
            self._closing = True
            self._note(NOT_SENT(target=self.target.shown, trouble=str(error)))

    def alarm(self, episode: Episode) -> None:
        self._add("alarm", live.alarm(episode, self._lang))

    def cause(self, diagnosis: Diagnosis) -> None:
        """Queue the cause, if there is one."""
        if diagnosis.verdicts:
            self._add("cause", live.cause(diagnosis, self._lang))

    def over(self, episode: Episode) -> None:
        self._add("over", live.over(episode, self._lang))

    def notice(self, notice: Notice) -> None:
        """Queue the notice that an exception has ended the training and not its program; no other notice is sent."""
        if notice.what == LEFT:
            self._add("alarm", live.notice(notice, self._lang))

    def action(self, action: ActionTaken) -> None:
        message = live.action(action, self._lang) if self._echoes.is_new(action) else None
        if message is not None:
            self._add("stop" if action.action == "stop" and action.state != "proposed" else "action", message)

    def finish(self, returncode: int, ran: Outcome | None = None) -> None:
        """Queue the message about the end of the training: its name and its result.

        ``returncode`` as in Popen: negative is a signal. ``ran``: None if it is not known.
        """
        self._add(
            "finish", became(ran, self._lang) if ran is not None and ran.trained else _end(returncode, self._lang)
        )

    def close(self) -> None:
        """Send the lines that wait; this takes little longer than one deadline at most."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(self._deadline_s + FAREWELL_S)

    # ------------------------------------------------------------------------------------------------ the thread

    def _add(self, event: Event, message: str) -> None:
        unheard = message if event in URGENT else self._unheard(event, message)
        if unheard is None:
            return
        message = unheard
        with self._changed:
            if not self._waiting:
                self._first_s = time.monotonic()
            self._waiting.append(_Line(event, message))
            self._changed.notify()

    def _unheard(self, event: Event, message: str) -> str | None:
        # None for what was sent before; with the number of those that were not sent when it is sent again.
        key, now_s = (event, live.NUMBERS.sub("", message)), time.monotonic()
        before = self._same.get(key)
        if before is not None and now_s - before.sent_s < self._same_s:
            self._same[key] = before._replace(more=before.more + 1)
            return None
        self._same[key] = _Same(now_s, time.strftime("%H:%M"))
        if before is None or not before.more:
            return message
        first, _, rest = message.partition("\n")
        first = text("notify.again", self._lang, message=first, count=before.more, clock=before.clock)
        return f"{first}\n{rest}" if rest else first

    def _work(self) -> None:
        # The main thread handles them; a thread that does not block SIGCHLD would take it away.
        signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGCHLD})
        while True:
            with self._changed:
                while (wait_s := self._wait_s()) is None or wait_s > 0:
                    if wait_s is None and self._closing:
                        return
                    self._changed.wait(wait_s)
                lines, self._waiting = self._waiting, []
            self._sent_s = time.monotonic()
            self._send(lines)

    def _wait_s(self) -> float | None:
        # None while nothing waits.
        if not self._waiting:
            return None
        if self._closing or any(line.event in URGENT for line in self._waiting):
            return 0.0
        due_s = max(self._first_s + self._gather_s, self._sent_s + self._pause_s)
        return due_s - time.monotonic()

    def _send(self, lines: list[_Line]) -> None:
        events = list(dict.fromkeys(str(line.event) for line in lines))
        trouble = send(self.target, self._title, self._body(lines), events, self._deadline_s)
        if trouble and not self._failed:
            self._failed = True
            self._note(NOT_SENT(target=self.target.shown, trouble=trouble))

    def _body(self, lines: list[_Line]) -> str:
        # Of too many lines: the first ones, how many more there are, and the urgent ones.
        kept = lines if len(lines) <= MOST_LINES else lines[: MOST_LINES - 1]
        urgent = [line for line in lines[len(kept) :] if line.event in URGENT]
        messages = ["\n".join(_plain(line.content)) for line in kept]
        if len(lines) > len(kept) + len(urgent):
            messages.append(text("notify.more", self._lang, count=len(lines) - len(kept) - len(urgent)))
        return "\n".join((*messages, *("\n".join(_plain(line.content)) for line in urgent)))


def _plain(message: str) -> list[str]:
    # The first lines: commands are of no use on a phone.
    return message.splitlines()[:LINES_EACH]


def became(ran: Outcome, lang: Lang) -> str:
    """Return the text of the last message: how the run ended, and on the lines below which run it was."""
    return "\n".join(phrase(line, lang) for line in (ran.headline, *identity_of(ran)))


def _end(returncode: int, lang: Lang) -> str:
    ending = {0: "finished", exit_codes.REQUEUE: "requeue", exit_codes.GAVE_UP: "gave-up"}.get(returncode)
    if ending is not None:
        return text(f"notify.{ending}", lang, code=returncode)
    if returncode > 0:
        return text("notify.ended", lang, how=text("ending.code", lang, code=returncode))
    return text("notify.ended", lang, how=text("ending.signal", lang, **_signal(-returncode)))


def _signal(number: int) -> dict[str, object]:
    try:
        return {"signal": signal.Signals(number).name}
    except ValueError:
        return {"signal": number}
