"""The child that sends one notification: it reads the order from stdin and ends itself at the deadline.

Its output after a failure contains no part of the URL. Answers of services and messages of libraries may contain it,
so only status codes and class names are printed.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import signal
import socket
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

FAILED = 1


def send(order: dict[str, Any]) -> str:
    """Send the message; return the error, empty if there was none.

    It is a code of ``notify.SAID``, with a number for a status, or a text of the operating system.
    """
    if order["via"] == "apprise":
        return _by_apprise(order["url"], order["message"])
    return _by_webhook(order["url"], order["message"], order["deadline_s"])


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    # A redirected POST would become a GET to another address, without its content.

    def redirect_request(self, *_: Any, **__: Any) -> None:
        # None: do not follow.
        pass


def _by_webhook(url: str, message: dict[str, Any], deadline_s: float) -> str:
    body = json.dumps(message, ensure_ascii=False).encode(errors="replace")  # a path may not be valid UTF-8
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"holter/{message['holter']}"}
    try:
        url, login = _without_login(url)
        if login:
            headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=deadline_s):
            return ""
    except urllib.error.HTTPError as error:
        return f"http-status {error.code}"
    except urllib.error.URLError as error:
        return _kind(error.reason)
    except Exception as error:  # noqa: BLE001 - the text may hold the URL
        return _kind(error)


def _without_login(url: str) -> tuple[str, str]:
    # urllib does not accept ``user:password`` in a URL.
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), unquote(login)


def _by_apprise(url: str, message: dict[str, Any]) -> str:
    service = importlib.import_module("apprise").Apprise()
    if not service.add(url):
        return "url-refused"
    return "" if service.notify(title=message["title"], body=message["text"]) else "undelivered"


def _kind(error: object) -> str:
    # Only texts of the operating system are safe: others may contain the URL.
    if isinstance(error, socket.gaierror):
        return "host-unknown"
    if (
        isinstance(error, OSError)
        and not isinstance(error, ssl.SSLError)
        and error.errno is not None
        and error.errno > 0
    ):
        return os.strerror(error.errno)
    return type(error).__name__


def main() -> None:
    """Read the order, set an alarm that ends this process even in a stalled call, and send."""
    del sys.path[0]  # the folder of this file: the services' libraries must not import its modules
    order = json.loads(sys.stdin.buffer.read())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, float(order["deadline_s"]))
    # Libraries may print the URL on errors.
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until the end of the process
    trouble = send(order)
    if trouble:
        print(trouble)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
