"""The whole screen of one run in any size: the sentence, the lanes, the charts, a page, the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from rich.cells import cell_len

from holter.reports.catalogue import Lang, text
from holter.reports.html.lanes import STATES
from holter.reports.when import clock, duration
from holter.views.model.folder import short_name
from holter.views.model.sentence import Tone
from holter.views.model.series import LaneName
from holter.views.model.view import Lane, View
from holter.views.top.draw.charts import VITAL, Charts
from holter.views.top.draw.glyphs import Glyphs
from holter.views.top.draw.pages import PAGES
from holter.views.top.draw.paper import Paper
from holter.views.top.draw.rows import Line, Row, cut, wrapped
from holter.views.top.draw.timeline import Timeline, in_order
from holter.views.top.draw.words import age

# From this height on, a page stands below the lanes; on a lower screen it takes their place.
BOTH_FROM = 32
# Lines that a page has at least, if it stands below the lanes.
PAGE_LEAST = 8
# The smallest screen that can be asked for; a terminal may say 0.
LEAST_WIDTH, LEAST_HEIGHT = 20, 5


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How the user wants to see the screen: size, language, characters, chosen page and process."""

    width: int
    height: int
    lang: Lang
    glyphs: Glyphs
    mode: Literal["live", "back", "paused", "replay"] = "live"
    speed: float = 1.0
    page: str | None = None  # None: lanes alone
    scroll: int = 0  # lines from the end of a page that grows at its end, else from its top
    chosen: LaneName | None = None
    search: str = ""
    note: str = ""  # in place of the keys, for a moment
    in_overview: bool = False  # Esc goes back to the list of runs


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a screen, and where on them lanes, chart, tabs and keys are, for clicks with the mouse."""

    lines: tuple[Line, ...]
    lanes: dict[int, LaneName]  # by line
    chart: tuple[int, int]  # first and last column of the time axis
    tabs: tuple[tuple[int, int, int, str | None], ...] = ()  # line, first and last column, page
    keys: tuple[tuple[int, int, str], ...] = ()  # on the last line: first and last column, action


# Pages that grow at their end show the end.
GROWING = ("events", "log")


class Composer:
    """Puts the parts of one screen together: sentence, lanes, charts, a page, keys. ``write``: writes a page."""

    def __init__(self, view: View, look: Look, said: tuple[str, Tone], write: Callable[[str, Paper], None]) -> None:
        self._view, self._look, self._said, self._write = view, look, said, write
        self._width = max(LEAST_WIDTH, look.width)
        self._height = max(LEAST_HEIGHT, look.height)
        self._timeline = Timeline(view, look.glyphs, look.lang, self._width)
        self._charts = Charts(view, look.glyphs, look.lang, self._timeline.places)
        self._lines: list[Line] = []
        self._lanes: dict[int, LaneName] = {}
        self._tabs: list[tuple[int, int, int, str | None]] = []

    def draw(self) -> Drawn:
        """Return the screen, exactly as many lines as it is high."""
        self._head()
        page = self._look.page
        is_both = self._height >= BOTH_FROM
        if page is None or is_both:
            self._body(self._height - len(self._lines) - 1, leave=PAGE_LEAST if is_both else 0)
        if page is not None or is_both:
            self._page(page or PAGES[0], self._height - len(self._lines) - 1)
        while len(self._lines) < self._height - 1:
            self._lines.append(Row(self._width).done())
        self._lines = self._lines[: self._height - 1]
        keys = self._foot()
        places = self._timeline.places
        return Drawn(
            lines=tuple(self._look.glyphs.allowed(line) for line in self._lines),
            lanes=self._lanes,
            chart=(places.label, places.label + places.chart - 1),
            tabs=tuple(self._tabs),
            keys=keys,
        )

    def _head(self) -> None:
        words, tone = self._said
        most = 1 if self._height < 12 else 3 if self._height >= BOTH_FROM else 2
        for line in wrapped(words, self._width, most):
            self._lines.append(Row(self._width).add(line, tone).done())
        if self._height >= 8:
            self._lines.append(self._identity())

    def _identity(self) -> Line:
        view, lang = self._view, self._look.lang
        known = view.environment
        plans = dict(known.plans) if known else {}
        names = [plans[name] for name in ("dataset", "configuration") if plans.get(name)]
        if plans.get("fold"):
            names.append(f"{text('plan.fold', lang)} {plans['fold']}")
        parts = [" ".join(names) or " ".join(known.command[-3:] if known else ())]
        numbers = []
        if view.epoch is not None:
            total = known.num_epochs if known else None
            epoch = str(view.epoch) if total is None else f"{view.epoch}/{total}"
            numbers.append(text("top.epoch", lang, epoch=epoch))
        main = view.main
        if main is not None and main.iteration is not None and main.phase in ("train", "validate"):
            phase = text(f"phase.{main.phase}", lang)
            numbers.append(text("top.iteration", lang, phase=phase, iteration=main.iteration))
        ended = view.ended
        if ended is not None and ended.train_loss is not None and ended.val_loss is not None:
            numbers.append(text("top.loss", lang, train=ended.train_loss, val=ended.val_loss))
        if ended is not None and ended.pseudo_dice:
            mean = sum(ended.pseudo_dice) / len(ended.pseudo_dice)
            numbers.append(text("top.dice", lang, dice=mean))
        whole = [*parts, *numbers[:1]]
        if sum(map(cell_len, whole)) + 3 * (len(whole) - 1) > self._width and names:
            parts = [short_name(plans)]
        parts += numbers
        if known and known.hostname:
            parts.append(known.hostname)
        dot = f" {self._look.glyphs.dot} "
        row = Row(self._width)
        for number, part in enumerate(part for part in parts if part):
            if number and row.left < cell_len(dot) + cell_len(part):
                continue  # half a number would be another number
            row.add(dot if number else "", "dim").add(
                cut(part, row.left, self._look.glyphs.cut), "" if number else "bold"
            )
        return row.done()

    def _body(self, room: int, *, leave: int) -> None:
        timeline = self._timeline
        alarms = timeline.alarms()
        fixed = [timeline.phases()] + ([alarms] if alarms is not None else [])
        names = list(self._charts.names())
        lanes = in_order(self._view.lanes)
        space = room - len(fixed) - 1  # the axis
        vital = [name for name in names if name.split(":")[0] in VITAL]
        other = [name for name in names if name not in vital]
        least_charts = min(len(vital) + bool(other), max(0, space - min(len(lanes), max(2, space // 2))))
        lane_room = max(0, space - least_charts)
        lane_lines = self._lane_lines(lanes, lane_room)
        spare = space - len(lane_lines)
        if leave:
            spare = min(spare, max(len(vital) + 1, spare - leave))
        self._lines += fixed
        for lane, line in lane_lines:
            if lane is not None:
                self._lanes[len(self._lines)] = lane.name
            self._lines.append(line)
        self._chart_lines(vital, other, spare)
        if room > len(fixed) + len(lane_lines):
            self._lines.append(timeline.axis())

    def _lane_lines(self, lanes: list[Lane], room: int) -> list[tuple[Lane | None, Line]]:
        # Lanes of processes that are gone are left out first; then those that are well share a line.
        there = [lane for lane in lanes if lane.process is not None or lane.in_trouble]
        shown = lanes if len(lanes) <= room else there
        chosen = self._look.chosen
        if len(shown) <= room:
            return [(lane, self._timeline.lane(lane, is_selected=lane.name == chosen)) for lane in shown]
        if room <= 0:
            return []
        first = shown[: room - 1]
        picked = next((lane for lane in shown[room - 1 :] if lane.name == chosen), None)
        if picked is not None and first:
            first = [*first[:-1], picked]
        rest = tuple(lane for lane in shown if lane not in first)
        lines: list[tuple[Lane | None, Line]] = [
            (lane, self._timeline.lane(lane, is_selected=lane.name == chosen)) for lane in first
        ]
        return [*lines, (None, self._timeline.group(rest))]

    def _chart_lines(self, vital: list[str], other: list[str], room: int) -> None:
        charts, names = self._charts, [*vital, *other]
        if room <= 0 or not names:
            return
        if len(names) > room:
            for name in names[: room - 1]:
                self._lines += charts.lines(name)
            self._lines.append(charts.rest(names[room - 1 :]))
            return
        # What is left makes charts higher: all of the vital ones, then all, by one line each time.
        heights = dict.fromkeys(names, 1)
        spare = room - len(names)
        vital, other = ([name for name in group if charts.is_high(name)] for group in (vital, other))
        for group in (vital, vital, other, vital):
            if 0 < len(group) <= spare:
                spare -= len(group)
                heights.update({name: heights[name] + 1 for name in group})
        for name in names:
            self._lines += charts.lines(name, heights[name])

    def _page(self, page: str, room: int) -> None:
        if room < 2:
            return
        self._tab_line(page)
        paper = Paper(self._width, self._look.search if page != "process" else "")
        self._write(page, paper)
        if not paper.lines and self._look.search:
            paper.lines.append(Row(self._width).add(text("top.no-match", self._look.lang), "dim").done())
        height = room - 1
        most = max(0, len(paper.lines) - height)
        scroll = self._look.scroll
        start = max(0, most - scroll) if page in GROWING else min(most, scroll)
        self._lines += paper.lines[start : start + height]

    def _tab_line(self, page: str) -> None:
        row = Row(self._width)
        number = len(self._lines)
        names: tuple[str | None, ...] = PAGES if self._height >= BOTH_FROM else (None, *PAGES)
        # A narrow screen shows the tabs around the current one.
        labels = [text(f"top.page.{name or 'lanes'}", self._look.lang) for name in names]
        current = names.index(page)
        while current > 0 and sum(cell_len(label) + 2 for label in labels[: current + 1]) > self._width:
            names, labels, current = names[1:], labels[1:], current - 1
        for name, label in zip(names, labels, strict=True):
            if row.left < cell_len(label) + 2:
                break
            begin = row.used
            row.add(f" {label} ", "key" if name == page else "dim")
            self._tabs.append((number, begin, row.used - 1, name))
        if self._look.search:
            row.add(f" /{self._look.search}", "warn")
        self._lines.append(row.done())

    def _foot(self) -> tuple[tuple[int, int, str], ...]:
        look, view, lang = self._look, self._view, self._look.lang
        row = Row(self._width)
        row.add(self._mode(), "bad" if view.silent_s is not None and view.is_live else "bold")
        row.add(f" {age(view.window.count * view.window.width_s)} ", "dim")
        if look.note:
            row.add(" " + look.note, "warn")
            self._lines.append(row.done())
            return ()
        found = []
        for key, name, action in self._keys():
            label = text(f"top.key.{name}", lang)
            if row.left < cell_len(key) + cell_len(label) + 2:
                continue
            begin = row.used
            row.add(" ").add(key, "key").add(label)
            found.append((begin, row.used - 1, action))
        self._lines.append(row.done())
        return tuple(found)

    def _keys(self) -> tuple[tuple[str, str, str], ...]:
        arrows = "←→" if self._look.glyphs.up == "↑" else "<>"
        keys = [
            ("?", "help", "help"),
            ("q", "quit", "quit"),
            (arrows, "time", "earlier"),
            ("[]", "alarms", "alarm_before"),
            ("End", "live", "now"),
            ("Tab", "pages", "next_page"),
            ("/", "search", "search"),
            ("Space", "pause", "hold"),
            ("+-", "zoom", "closer"),
        ]
        if self._look.in_overview:
            keys.insert(2, ("Esc", "back", "back"))
        return tuple(keys)

    def _mode(self) -> str:
        view, look, lang = self._view, self._look, self._look.lang
        glyphs = look.glyphs
        if look.mode == "replay":
            return f"{glyphs.playing} {text('top.replay', lang, speed=f'{look.speed:g}', time=clock(view.at_s))}"
        if look.mode == "paused":
            return f"{glyphs.paused} {text('top.paused', lang, time=clock(view.at_s))}"
        if look.mode == "back":
            back = duration(max(0.0, view.last_s - view.at_s), lang)
            return f"{clock(view.at_s)} {text('top.before-end', lang, duration=back)}"
        if view.finished:
            return f"{glyphs.dot} {text('top.end', lang)} {clock(view.at_s)}"
        if view.silent_s is not None:
            return f"{glyphs.states[STATES.index('dead')]} {text('top.silent', lang)} {age(view.silent_s)}"
        return f"{glyphs.live} {text('top.live', lang)}"
