"""``--notify URL``: notify people who are not at the terminal. Few messages, and the recorder never waits for them.

A thread collects the lines; a child process with a deadline sends them, so that a stalled server delays nothing. The
URL is a secret (it usually contains a token): it goes to the child over a pipe, and messages show only its scheme and
host.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from holter import __version__
from holter.errors import BadInput, MissingExtra
from holter.records import ActionTaken, Diagnosis, Episode, Text, exit_codes
from holter.reports.catalogue import Lang, text
from holter.reports.live import lines as live
from holter.sentences import NO_TRAINING_TOUCHED, define
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
# Python starts and imports the sender within this time, unless the machine is overloaded.
START_UP_S = 10.0

NOT_SENT = define(
    "notify.not-sent", "notifications to {target} do not get through ({trouble}); the training is not affected"
)
NO_ANSWER = define("notify.no-answer", "no answer within {within:.0f} s")
NO_HOST = define("error.notify-no-host", "The {scheme} URL for --notify names no host.")
NO_APPRISE = define("error.no-apprise", "--notify with {scheme}:// needs apprise, which is not installed.")
INSTALL_APPRISE = define("next.install-apprise", "pip install 'holter[notify]', or give the https URL of a webhook.")
APPRISE_REFUSES = define("error.apprise-refuses", "apprise does not know what to do with this {scheme}:// URL.")
URL_UNREADABLE = define("error.notify-unreadable", "The URL for --notify cannot be read.")
NO_SCHEME = define("error.notify-no-scheme", "The URL for --notify has no scheme.")
GIVE_A_URL = define(
    "next.give-a-url",
    "Give a webhook such as --notify https://HOST/PATH, or a URL of apprise such as ntfy://TOPIC.",
)
# What ``send.py`` says of a failure; anything else is a text of the operating system.
SAID = {
    "url-refused": define("notify.url-refused", "apprise refuses this URL"),
    "undelivered": define("notify.undelivered", "apprise could not deliver it"),
    "host-unknown": define("notify.host-unknown", "the host is not known"),
}
HTTP_STATUS = define("notify.http-status", "HTTP status {number}")
SENDER_ENDED = define("notify.sender-ended", "the sender ended with {code}")

Event = Literal["alarm", "cause", "over", "action", "stop", "finish"]
URGENT = ("stop", "finish")
SENDER = Path(__file__).with_name("send.py")
WEBHOOKS = ("http", "https")


class Target(NamedTuple):
    """Where messages are sent."""

    url: str
    via: Literal["webhook", "apprise"]

    @property
    def shown(self) -> str:
        """The part of the URL that may be shown: the host of a web address; other schemes have tokens in its place."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}/…" if self.via == "webhook" else f"{parts.scheme}://…"


def parse(url: str) -> Target:
    """Return the target of a URL: a plain webhook for http and https, apprise for its own schemes.

    Raises:  BadInput, MissingExtra.
    """
    scheme, hostname = _parts(url)
    if scheme in WEBHOOKS:
        if not hostname:
            raise _bad(NO_HOST(scheme=scheme))
        return Target(url, "webhook")
    if importlib.util.find_spec("apprise") is None:
        raise MissingExtra(
            NO_APPRISE(scheme=scheme),
            safe=NO_TRAINING_TOUCHED(),
            next_step=INSTALL_APPRISE(),
        )
    if not importlib.import_module("apprise").Apprise().add(url):
        raise _bad(APPRISE_REFUSES(scheme=scheme))
    return Target(url, "apprise")


def _parts(url: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # an invalid port raises only when it is read
    except ValueError:
        raise _bad(URL_UNREADABLE()) from None
    if not parts.scheme or "://" not in url:
        raise _bad(NO_SCHEME())
    return parts.scheme.lower(), parts.hostname


def _bad(what: Text) -> BadInput:
    return BadInput(what, safe=NO_TRAINING_TOUCHED(), next_step=GIVE_A_URL())


class _Line(NamedTuple):
    event: Event
    content: str


class Notifier(Listener):
    """Sends alarms, causes, heals, stops and the end to one URL. Only ``close`` may block.

    Raises:  BadInput, MissingExtra when it is created, nothing later. ``note`` is called once if sending fails.
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
    ) -> None:
        """``name``: the training's name, for people who have several."""
        self.target = parse(url)
        self._lang = lang
        self._title = text("notify.title", lang, name=name or text("notify.some-training", lang))
        self._note = note or (lambda _: None)
        self._pause_s, self._gather_s, self._deadline_s = pause_s, gather_s, deadline_s
        self._echoes = live.RepeatFilter()
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
        """Queue the alarm."""
        self._add("alarm", live.alarm(episode, self._lang))

    def cause(self, diagnosis: Diagnosis) -> None:
        """Queue the cause, if there is one."""
        if diagnosis.verdicts:
            self._add("cause", live.cause(diagnosis, self._lang))

    def over(self, episode: Episode) -> None:
        """Queue the end of the episode."""
        self._add("over", live.over(episode, self._lang))

    def action(self, action: ActionTaken) -> None:
        """Queue an action on the run."""
        message = live.action(action, self._lang) if self._echoes.is_new(action) else None
        if message is not None:
            self._add("stop" if action.action == "stop" and action.state != "proposed" else "action", message)

    def finish(self, returncode: int) -> None:
        """Queue the end of the training; ``returncode`` as in Popen: negative is a signal."""
        self._add("finish", _end(returncode, self._lang))

    def close(self) -> None:
        """Send the waiting lines; block hardly longer than one deadline."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(self._deadline_s + FAREWELL_S)

    # ------------------------------------------------------------------------------------------------ the thread

    def _add(self, event: Event, message: str) -> None:
        with self._changed:
            if not self._waiting:
                self._first_s = time.monotonic()
            self._waiting.append(_Line(event, message))
            self._changed.notify()

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
        payload = {
            "url": self.target.url,
            "via": self.target.via,
            "deadline_s": self._deadline_s,
            "message": {
                "title": self._title,
                "text": self._body(lines),
                "events": list(dict.fromkeys(line.event for line in lines)),
                "holter": __version__,
            },
        }
        trouble = _carry(json.dumps(payload).encode(), self._deadline_s)
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
    # Without the prefix that marks them in a training's output; commands are of no use on a phone.
    lines = [line.removeprefix(live.PREFIX).removeprefix(" ") for line in message.splitlines()]
    return lines[:LINES_EACH]


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


def _carry(payload: bytes, deadline_s: float) -> Text:
    # The trouble must not contain secrets; empty if there was none.
    try:
        # Its own session: Ctrl-C in the terminal must reach only the training.
        done = subprocess.run(
            [sys.executable, str(SENDER)],
            input=payload,
            capture_output=True,
            timeout=deadline_s + START_UP_S,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return NO_ANSWER(within=deadline_s)
    except OSError as error:
        return error.strerror or type(error).__name__
    if done.returncode == -signal.SIGALRM:
        return NO_ANSWER(within=deadline_s)
    output = done.stdout.decode("utf-8", "replace").strip().splitlines()
    if done.returncode == 0:
        return ""
    return said_by_sender(output[-1]) if output else SENDER_ENDED(code=done.returncode)


def said_by_sender(trouble: str) -> Text:
    """Return what ``send.py`` printed as a sentence; a text of the operating system as it is."""
    code, _, number = trouble.partition(" ")
    if code == "http-status" and number.isdecimal():
        return HTTP_STATUS(number=int(number))
    return SAID[trouble]() if trouble in SAID else trouble
