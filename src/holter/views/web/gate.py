"""Who may see the pages: the person with the token, on this machine or through a tunnel that ends on it.

The token is in the address that ``holter web`` prints. The first visit stores it as a cookie that no script can read
and no other site can send, and leaves the address without it. Everybody else gets 403: another user of the machine,
a page of another site whose name leads to this machine (the Host check), a program that guesses paths.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, Response

from holter.records import Message
from holter.sentences import define
from holter.views.web.pages import NOTHING_HERE, STYLE_HASH, Pages

FOREIGN_HOST = define("web.foreign-host", "This page was asked for under the name {host}, which Holter does not know.")
ALLOW_HOST = define("web.allow-host", "If that is your own proxy: holter web --allow-host {host}")
NO_TOKEN = define("web.no-token", "This page belongs to the person who started holter web.")
OPEN_ADDRESS = define("web.open-address", "Open the whole address that holter web printed, with ?token=… at its end.")
ONLY_LOOKING = define("web.only-looking", "These pages can only be read.")

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
METHODS = ("GET", "HEAD")

# No script but ours, nothing from elsewhere, no page of another site around this one. Attributes that place a mark
# on the time axis are style; of style elements only that of the small pages is known.
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; style-src-elem 'self' {STYLE_HASH}; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """Lets requests pass that carry the token, and adds the headers that every answer has.

    ``hosts``: names, besides those of this machine itself, that a request for a page may use.
    """

    def __init__(self, app: App, token: str, pages: Pages, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._token = token
        self._pages = pages
        self._hosts = LOOPBACK | {_name(host) for host in hosts}
        # Cookies are shared by all ports of a machine: each server has a name of its own.
        self.cookie = "holter_" + hashlib.sha256(token.encode()).hexdigest()[:8]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._refusal(scope) or self._first_visit(scope) or self._app
            await answer(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> Response | None:
        headers = _headers(scope)
        host = headers.get("host", "")
        if scope["method"] not in METHODS:
            return self._refused(405, ONLY_LOOKING(), allow=", ".join(METHODS))
        if _name(host) not in self._hosts:
            return self._refused(403, FOREIGN_HOST(host=host[:100]), ALLOW_HOST(host=_name(host)[:100]))
        if _climbs(scope):
            return self._refused(403, NOTHING_HERE())
        given = _given(scope)
        if given is None:
            given = _cookie(headers.get("cookie", ""), self.cookie)
        if given is None or not hmac.compare_digest(given.encode(), self._token.encode()):
            return self._refused(403, NO_TOKEN(), OPEN_ADDRESS())
        return None

    def _first_visit(self, scope: Scope) -> Response | None:
        # Clicked on another site, a redirect would not carry a strict cookie; a step of our own page does.
        if _given(scope) is None:
            return None
        depth = scope["path"].count("/") - 1
        if depth:  # the cookie is for all pages, so it is set at their root
            return HTMLResponse(self._pages.forward("../" * depth + "?token=" + self._token))
        response = HTMLResponse(self._pages.forward("./"))
        # Without a path, the cookie is for the folder as the browser sees it: also behind a proxy's prefix.
        response.headers["set-cookie"] = f"{self.cookie}={self._token}; HttpOnly; SameSite=Strict"
        return response

    def _refused(self, status: int, what: Message, then: Message | None = None, **headers: str) -> Response:
        return HTMLResponse(self._pages.refusal(what, then), status_code=status, headers=headers)


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            sent = [(name, value) for name, value in message.get("headers", ()) if name != b"server"]
            known = {name.lower() for name, _ in sent}
            if b"cache-control" not in known:
                sent.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*sent, *HEADERS]}
        await send(message)

    return sending


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _name(host: str) -> str:
    # A Host header without its port; an IPv6 address keeps its brackets.
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and port.isdigit() else host.strip().lower()


def _climbs(scope: Scope) -> bool:
    # Proxies and browsers resolve dots: a request that has them looks for files.
    path = str(scope["path"]) + "/" + scope.get("raw_path", b"").decode("latin-1").lower()
    return ".." in path or "\\" in path or "\0" in path or "%2e" in path or "%2f" in path or "%00" in path


def _given(scope: Scope) -> str | None:
    values = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    return values[-1] if values else None


def _cookie(header: str, name: str) -> str | None:
    for part in header.split(";"):
        found, _, value = part.strip().partition("=")
        if found == name:
            return value
    return None
