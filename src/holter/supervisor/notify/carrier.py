"""Send one message by a child process with a deadline, so that a server that hangs delays nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from holter import __version__
from holter.records import Text
from holter.sentences import define
from holter.supervisor.notify.target import Target

# Python starts and imports the sender within this time, unless the machine is overloaded.
START_UP_S = 10.0

NO_ANSWER = define("notify.no-answer", "no answer within {within:.0f} s")
# What ``send.py`` says of a failure; anything else is a text of the operating system.
SAID = {
    "url-refused": define("notify.url-refused", "apprise refuses this URL"),
    "undelivered": define("notify.undelivered", "apprise could not deliver it"),
    "host-unknown": define("notify.host-unknown", "the host is not known"),
}
HTTP_STATUS = define("notify.http-status", "HTTP status {number}")
SENDER_ENDED = define("notify.sender-ended", "the sender ended with {code}")

SENDER = Path(__file__).with_name("send.py")


def send(target: Target, title: str, body: str, events: list[str], deadline_s: float) -> Text:
    """Send one message and wait until it is sent; return "" or a sentence about the error, without secrets.

    ``events``: names of what happened, for a webhook. ``deadline_s``: after so many seconds the attempt is given up.
    """
    message = {"title": title, "text": body, "events": events, "holter": __version__}
    order = {"url": target.url, "via": target.via, "deadline_s": deadline_s, "message": message}
    return _carry(json.dumps(order).encode(), deadline_s)


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
    """Turn the error that ``send.py`` printed into a sentence; return a text of the operating system unchanged."""
    code, _, number = trouble.partition(" ")
    if code == "http-status" and number.isdecimal():
        return HTTP_STATUS(number=int(number))
    return SAID[trouble]() if trouble in SAID else trouble
