"""The routes of ``holter web``, and its server: it reads a tape only while its page is open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from holter.reports.catalogue import Lang
from holter.views.web.assets import asset
from holter.views.web.feed import Feed
from holter.views.web.gate import Gate
from holter.views.web.pages import Pages

if TYPE_CHECKING:
    from holter.views.web.overview import Overview

STEP_S = 0.5
FOREVER = "private, max-age=31536000, immutable"
# A proxy that buffers would hold messages back; this header stops nginx.
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
# Tapes of a folder that are followed at the same time; the one that was opened longest ago is dropped.
MOST_FEEDS = 20


class Web:
    """The pages of one tape, or of a folder of tapes."""

    def __init__(self, target: Path, lang: Lang, token: str, hosts: Sequence[str] = ()) -> None:
        self._pages = Pages(lang)
        self._overview = _overview(target, lang) if target.is_dir() else None
        self._feeds: dict[str, Feed] = {}
        if self._overview is None:
            self._feeds[""] = Feed(target, self._pages)
        self._stopping = False
        routes = [
            Route("/", self._front),
            Route("/static/{name}", self._static),
            Route("/live", self._live),
            Route("/poll", self._poll),
            Route("/run/{key}/", self._page),
            Route("/run/{key}/live", self._live),
            Route("/run/{key}/poll", self._poll),
        ]
        app = Starlette(routes=routes, exception_handlers={404: self._not_found})
        app.router.redirect_slashes = False
        self.app = Gate(app, token, self._pages, hosts)

    async def follow(self) -> None:
        """Read the tapes whose pages are open in a browser, until ``stop`` is called."""
        while not self._stopping:
            for feed in list(self._feeds.values()):
                feed.poll_if_due()
            await asyncio.sleep(STEP_S)

    def warm_up(self) -> None:
        """If there is only one tape, start to render its page before the first request."""
        for feed in self._feeds.values():
            feed.poll()

    def stop(self) -> None:
        """End every stream and every child at once."""
        self._stopping = True
        for feed in self._feeds.values():
            feed.close()
            feed.wake()

    async def _front(self, request: Request) -> Response:
        if self._overview is None:
            return await self._page(request)
        runs = await asyncio.to_thread(self._overview.runs)
        return HTMLResponse(self._pages.overview(self._overview.folder, runs))

    async def _page(self, request: Request) -> Response:
        feed = self._feed(request)
        if feed is None:
            return self._not_found()
        page = await feed.current()
        return Response(page.body, media_type="text/html", headers={"content-encoding": "gzip"})

    async def _poll(self, request: Request) -> Response:
        feed = self._feed(request)
        if feed is None:
            return self._not_found()
        feed.poll()
        return Response(msgspec.json.encode(feed.update(*_known(request))), media_type="application/json")

    async def _live(self, request: Request) -> Response:
        feed = self._feed(request)
        if feed is None:
            return self._not_found()
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=STREAM_HEADERS)
        messages = self._messages(feed, *_known(request))
        return StreamingResponse(messages, media_type="text/event-stream", headers=STREAM_HEADERS)

    async def _messages(self, feed: Feed, since_s: float, page: int) -> AsyncIterator[bytes]:
        feed.viewers += 1
        try:
            feed.poll()
            while not self._stopping:
                update = feed.update(since_s, page)
                since_s = feed.last_s if "ticks" in update else since_s
                page = update["page"] or page
                yield b"data: " + msgspec.json.encode(update) + b"\n\n"
                await feed.wait()
        finally:
            feed.viewers -= 1

    async def _static(self, request: Request) -> Response:
        file = asset(request.path_params["name"])
        if file is None:
            return self._not_found()
        headers = {"content-encoding": "gzip", "cache-control": FOREVER, "content-type": file.kind}
        return Response(file.body, headers=headers)

    def _feed(self, request: Request) -> Feed | None:
        key = request.path_params.get("key", "")
        feed = self._feeds.pop(key, None)
        if feed is None and self._overview is not None:
            path = self._overview.path_of(key)
            feed = Feed(path, self._pages, root="../../", name=self._overview.name_of(path)) if path else None
        if feed is not None:
            self._feeds[key] = feed  # the last of all
            self._drop_old()
        return feed

    def _drop_old(self) -> None:
        unseen = [key for key, feed in self._feeds.items() if feed.viewers == 0]
        for key in unseen[: max(0, len(self._feeds) - MOST_FEEDS)]:
            self._feeds.pop(key).close()

    def _not_found(self, *_: object) -> Response:
        return HTMLResponse(self._pages.nothing_here(), status_code=404)


def serve(web: Web, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM, and return at once, also if pages are open. ``ready`` is called before."""
    config = uvicorn.Config(
        web.app, lifespan="off", log_level="error", access_log=False, server_header=False, date_header=False,
        proxy_headers=False, ws="none", timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Server(config, web)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(server, web, listener, ready))


async def _run(server: _Server, web: Web, listener: socket.socket, ready: Callable[[], None]) -> None:
    web.warm_up()
    ready()
    following = asyncio.create_task(web.follow())
    try:
        await server.serve(sockets=[listener])
    finally:
        web.stop()
        await following


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, web: Web) -> None:
        super().__init__(config)
        self._web = web

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as uvicorn calls it
        """End the streams, for which uvicorn waits; return from ``serve``, so that the socket's file is removed."""
        self._web.stop()
        self.force_exit = self.should_exit
        self.should_exit = True


def _overview(folder: Path, lang: Lang) -> Overview:
    from holter.views.web.overview import Overview  # judges runs, with every cause: 8 MB that one tape does not need

    return Overview(folder, lang)


def _known(request: Request) -> tuple[float, int]:
    # What the browser has: readings until this time, on the page with this number.
    try:
        return float(request.query_params.get("since", "0")), int(request.query_params.get("page", "0"))
    except ValueError:
        return 0.0, 0
