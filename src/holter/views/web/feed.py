"""One tape and the browsers that show it: the page, which a child renders now and then, and newer readings."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from holter.errors import HolterError, TapeError
from holter.reports.catalogue import phrase
from holter.sentences import define
from holter.tape.surrogates import plain_text
from holter.views.web.following import Following, Json
from holter.views.web.pages import READING, Pages
from holter.views.web.rendered import Rendered

GONE = define("web.gone", "{path} is not there.")
GONE_NEXT = define("web.gone-next", "If it appears, this page shows it by itself.")
BROKEN = define("web.broken", "The page of {path} could not be made: {error}")
NOT_TOUCHED = define("web.not-touched", "The tape was not touched.")

POLL_S = 1.0
# A tape that grows no more is looked at this seldom: it may be recorded again under the same name.
IDLE_POLL_S = 4.0
# A message at least this often, so that the browser knows that the connection lives.
BEAT_S = 5.0
# News are rendered soon; a page that says for how long the training stands, often; the rest so seldom that it takes
# 1/300 of a core. The readings are sent meanwhile. Each: seconds, and multiples of what the last page cost.
SOON, OFTEN, ROUTINE = (3.0, 3.0), (20.0, 60.0), (60.0, 300.0)
# A recorder that is silent for so long was killed: its episodes are over. As in ``diagnosis.result``.
OVER_AFTER_S = 60.0
# A visitor sees a first page within this time; a tape of days takes longer to read.
PATIENCE_S = 0.5


class Page(msgspec.Struct, frozen=True):
    """A page for the browser: its number, which grows with each page, and the compressed HTML.

    ``end_s``: the time on the tape up to which the report goes. ``said``: the error that the page shows if there is no
    report.
    """

    number: int
    body: bytes
    end_s: float = 0.0
    said: str | None = None

    @property
    def is_report(self) -> bool:
        """Return whether the page is a report, to which a browser can add readings."""
        return self.said is None


class Feed:
    """Follows one tape while its page is open."""

    def __init__(self, path: Path, pages: Pages, *, root: str = "", name: str = "") -> None:
        self.path = path
        self.viewers = 0
        self.page: Page | None = None
        self._tape = Following(path, pages.lang)
        self._pages, self._root, self._name = pages, root, name
        # A page of an earlier server is never taken for one of this server.
        self._number = int(time.time() * 10) % 10**9
        self._changed = asyncio.Event()
        self._rendering: asyncio.Task[None] | None = None
        self._rendered = Rendered()
        self._rendered_at = -1e9
        self._is_readable = False
        self._rendered_of: tuple[tuple[int, ...], bool] | None = None
        self._polled_at = -1e9

    @property
    def last_s(self) -> float:
        """Time of the newest reading that is kept."""
        return self._tape.ticks[-1][0] if self._tape.ticks else self._tape.last_s

    async def current(self) -> Page:
        """Return the page; if there is none yet and rendering takes long, a page that says so."""
        self.poll()
        if self._is_outdated():
            self._render()
        if self._rendering is not None and self._is_outdated():
            await asyncio.wait({self._rendering}, timeout=PATIENCE_S)
        return self.page or self._message(phrase(READING(), self._pages.lang), [plain_text(self.path.name)], "reading")

    def update(self, since_s: float, page: int) -> Json:
        """Return what is new for a browser that has page number ``page`` and readings until ``since_s``."""
        tape = self._tape
        number = self.page.number if self.page else 0
        update: Json = {"page": number, "state": tape.state, "age": round(tape.age_s, 1), "end": tape.last_s}
        if number == page and self.page is not None and self.page.is_report:
            update |= tape.since(since_s)
        return update

    async def wait(self) -> None:
        """Wait until there is something new, but at most ``BEAT_S``: a quiet connection would be closed."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), BEAT_S)

    def wake(self) -> None:
        """Make every waiting ``wait`` return."""
        self._changed.set()
        self._changed = asyncio.Event()

    def poll_if_due(self) -> None:
        """Read the tape if its page is open and the next read is due."""
        every_s = POLL_S if self._tape.state == "live" else IDLE_POLL_S
        if self.viewers > 0 and time.monotonic() - self._polled_at >= every_s - POLL_S / 10:
            self.poll()

    def poll(self) -> None:
        """Read what was added to the tape, and start to render a new page if one is needed."""
        self._polled_at = time.monotonic()
        try:
            is_new, self._is_readable = self._tape.poll(self._rendered), self._tape.state != "missing"
        except HolterError as error:
            is_new, self._is_readable = self._say(error), False
        if self._tape.state == "missing" and not (self.page and self.page.is_report):
            is_new |= self._say(TapeError(GONE(path=plain_text(str(self.path))), next_step=GONE_NEXT()))
        if is_new:
            self.wake()
        if self._wants_page():
            self._render()

    def close(self) -> None:
        """End the child process that renders the page."""
        if self._rendering is not None:
            self._rendering.cancel()

    def _is_outdated(self) -> bool:
        # Or the readings since the page cannot be sent, because not all are kept.
        page = self.page
        return page is None or not page.is_report or not self._tape.has_all_since(page.end_s)

    def _wants_page(self) -> bool:
        since_s, cost_s = time.monotonic() - self._rendered_at, self._rendered.cost_s
        has_ended = self._rendered_of is not None and self._is_over() and not self._rendered_of[1]
        is_needed = self._tape.has_news or self._is_outdated() or has_ended
        is_behind = self.page is not None and self._tape.last_s > self.page.end_s + POLL_S
        least_s, costs = SOON if is_needed else OFTEN if self._tape.is_in_trouble else ROUTINE
        return (is_needed or is_behind) and since_s > max(least_s, costs * cost_s)

    def _render(self) -> None:
        # What did not change gives the same page, or the same error.
        what = (self._tape.stamp, self._is_over())
        if self._rendering is None and self._is_readable and what != self._rendered_of:
            self._rendered_of = what
            self._tape.has_news = False
            self._rendering = asyncio.get_running_loop().create_task(self._rendered_by_child())
            self._rendering.add_done_callback(self._finish)

    def _is_over(self) -> bool:
        return self._tape.state == "finished" or self._tape.age_s > OVER_AFTER_S

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._rendering, self._rendered_at = None, time.monotonic()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._say(TapeError(BROKEN(path=plain_text(str(self.path)), error=str(error)), safe=NOT_TOUCHED()))
        self.wake()

    async def _rendered_by_child(self) -> None:
        self._number += 1
        number = self._number
        asked = {
            "path": str(self.path), "lang": self._pages.lang, "page": number, "root": self._root, "name": self._name,
            "is_over": self._is_over(),
        }  # fmt: skip
        rendered, body = await _ask_child(asked)
        if rendered.error is not None:
            self._say(TapeError(rendered.what, safe=rendered.safe, next_step=rendered.next_step))
        else:
            self._rendered = rendered
            self.page = Page(number, body, rendered.end_s)

    def _say(self, error: HolterError) -> bool:
        # Once: the browser would load the same page again and again.
        said = str(error)
        if self.page is not None and self.page.said == said:
            return False
        self._rendered = Rendered()
        lines = [phrase(line, self._pages.lang) for line in (error.safe, error.next_step) if line]
        self.page = self._message(phrase(error.what, self._pages.lang), lines, said)
        return True

    def _message(self, title: str, lines: Sequence[str], said: str) -> Page:
        self._number += 1
        html = self._pages.message(plain_text(title), [plain_text(line) for line in lines], self._number, self._root)
        return Page(self._number, gzip.compress(html.encode()), said=said)


async def _ask_child(asked: Json) -> tuple[Rendered, bytes]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holter.views.web.render", json.dumps(asked),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, complaint = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode != 0:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(last[0] if last else f"exit code {child.returncode}")
    head, _, body = out.partition(b"\n")
    return msgspec.json.decode(head, type=Rendered), body
