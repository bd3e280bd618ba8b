"""Print one screen as text (``--once``), or plain lines where no screen can be shown (``--plain``)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segments

from holter.errors import HolterError
from holter.patterns import later
from holter.reports.catalogue import phrase
from holter.reports.outcome.headline import LEAST_SEEN_S
from holter.reports.when import clock
from holter.views.model.folder import RunFolder
from holter.views.model.verdict import verdict_at, verdict_of_rows
from holter.views.model.view import View
from holter.views.top.desk import Desk
from holter.views.top.draw import overview
from holter.views.top.draw.happened import happened_until
from holter.views.top.draw.rows import Line, plain
from holter.views.top.draw.screen import Look
from holter.views.top.judge import judged

# A recorder that is silent for so long will not go on.
SILENT_S = 60.0
# Below this a screen shows nothing any more.
LEAST_HEIGHT = 8
# A rate needs some readings. Where nothing shows a training, a second says nothing: so long is waited for a sign of it.
RATES_S, MOST_AWAITED_S = 3.0, 25.0
# A recorder writes every second.
EACH_S = 1.0
# A sentence that differs only in its numbers is not printed again.
NUMBERS = later(r"\d+")


def print_once(desk: Desk, look: Look, out: TextIO, *, colours: bool, pid: int | None = None) -> int:
    """Print one screen, without the line of keys, and the verdict; return the exit code: 1 if something is wrong.

    ``pid``: the process whose recording began for this screen and ends with it. The first readings are waited for.
    """
    if pid is not None:
        _await_readings(desk)
    view = _seen(desk, look)
    said = _verdict(desk, view, None if pid is None else Path(str(pid)))
    # On a terminal they fit on the screen together with the next prompt.
    lines = -(-cell_len(said) // max(1, look.width)) if out.isatty() else 0
    _print_screen(desk, msgspec.structs.replace(look, height=max(LEAST_HEIGHT, look.height - lines)), out, colours)
    print(said, file=out, flush=True)
    return int(desk.said(view, look)[1] in ("bad", "warn"))


def _await_readings(desk: Desk) -> None:
    until_s = time.monotonic() + MOST_AWAITED_S
    while time.monotonic() < until_s:
        desk.run.poll(time.monotonic(), time.time())
        story = desk.run.story
        seen_s = story.last_s - story.first_s
        if story.finished or seen_s >= LEAST_SEEN_S or (story.phases and seen_s >= RATES_S):
            return
        time.sleep(0.25)


def _verdict(desk: Desk, view: View, named: Path | None = None) -> str:
    # ``named``: what the next command is about, in place of the tape.
    return desk.judgement.verdict or phrase(verdict_at(view, desk.run.story, named or desk.run.path), desk.lang)


def _seen(desk: Desk, look: Look) -> View:
    desk.run.poll(time.monotonic(), time.time())
    story = desk.run.story
    if story.finished and story.episodes:
        with contextlib.suppress(HolterError):  # then it says what was recorded
            desk.judgement = judged(desk.run.path, desk.lang, look.width, is_over=True)
    return desk.view(look)


def _print_screen(desk: Desk, look: Look, out: TextIO, colours: bool) -> None:
    _print(desk.draw(desk.view(look), look).lines[:-1], look, out, colours=colours)


def print_overview(places: tuple[Path, ...], look: Look, out: TextIO, *, colours: bool) -> int:
    """Print the list of the runs at some places, and a verdict; return 1 if something is wrong with one of them."""
    rows = RunFolder(places, look.lang).rows(time.monotonic(), time.time())
    height = max(look.height, len(rows) + 8)
    place = ", ".join(str(folder) for folder in places)
    drawn = overview.draw(rows, place, None, look.width, height, look.lang, look.glyphs, "")
    _print(drawn.lines[:-1], look, out, colours=colours)
    print(phrase(verdict_of_rows(rows), look.lang), file=out, flush=True)
    return int(any(row.tone in ("bad", "warn") or row.state == "unreadable" for row in rows))


def _print(lines: tuple[Line, ...], look: Look, out: TextIO, *, colours: bool) -> None:
    while lines and not plain(lines[-1]).strip():
        lines = lines[:-1]
    if not colours:
        print("\n".join(plain(line).rstrip() for line in lines), file=out, flush=True)
        return
    console = Console(file=out, width=look.width, force_terminal=True, highlight=False)
    for line in lines:
        console.print(Segments(line), end="\n", soft_wrap=True)


def follow_plain(desk: Desk, look: Look, out: TextIO, sleep: Callable[[float], None]) -> None:
    """Print the screen once, then one line whenever something happens, until the recording ends. No escape codes.

    The last line is the verdict.
    """
    _seen(desk, look)
    _print_screen(desk, look, out, colours=False)
    seen = _happened(desk, look)
    last = ""
    while True:
        sleep(EACH_S)
        desk.run.poll(time.monotonic(), time.time())
        now = _happened(desk, look)
        for t_s, words in sorted(now - seen):
            print(f"{clock(t_s)}  {words}", file=out, flush=True)
        seen = now
        view = desk.view(look)
        words = desk.said(view, look)[0]
        gist = NUMBERS.sub("", words)
        if gist != last:
            print(f"{clock(view.at_s)}  {words}", file=out, flush=True)
            last = gist
        if desk.run.story.finished or (desk.run.silent_s or 0.0) > SILENT_S:
            print(_verdict(desk, _seen(desk, look)), file=out, flush=True)
            return


def _happened(desk: Desk, look: Look) -> set[tuple[float, str]]:
    story = desk.run.story
    return {(t_s, words) for t_s, _, words in happened_until(story.last_s, story, look.lang)}
