"""The time axis and everything on it: phases, episodes, lanes and charts, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from rich.cells import cell_len

from holter.reports.catalogue import Lang, text
from holter.reports.html.lanes import STATES
from holter.reports.wording import clock
from holter.views.model.columns import telling
from holter.views.model.series import place
from holter.views.model.view import Chart, Lane, View
from holter.views.top.draw.glyphs import EPISODES, PHASES, STATE_STYLES, Glyphs
from holter.views.top.draw.rows import Line, Row, fit
from holter.views.top.draw.words import age, chart_label, lane_label, percent, size, whole

# Charts in the order of the question "where does the time go?"; the first ones are always shown.
VITAL = ("gpu", "cpu", "memory", "disk")
OPTIONAL = ("wait", "group-memory", "swap", "network", "shm")
# A disk that the CPU waits for this much is worth a colour.
IOWAIT_SEEN = 0.05
# Steps of the time axis in seconds.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
LABEL_CELLS = 9
LEVELS = 8
# The numbers of a lane.
LANE_CELLS = {"cpu": 6, "memory": 7, "since": 8}
# A share above this is drawn at least as the lowest sign.
LEAST_SHARE, LOW_SHARE = 0.01, 0.2
NO_OVER: tuple[float | None, ...] = ()


class Places(msgspec.Struct, frozen=True):
    """How wide the parts of a line are, in characters: the label, the chart, the numbers."""

    width: int
    label: int
    numbers: int

    @property
    def chart(self) -> int:
        """Width of the chart: the rest of the line."""
        return max(1, self.width - self.label - self.numbers - 1)


def places(width: int) -> Places:
    """Return the widths for a screen of ``width`` characters."""
    label = 12 if width >= 60 else 6
    steps = ((160, 50), (130, 40), (70, 24), (56, 16), (0, 9))
    return Places(width=width, label=label, numbers=next(cells for least, cells in steps if width >= least))


class Timeline:
    """Draws the lines of one view."""

    def __init__(self, view: View, glyphs: Glyphs, lang: Lang, width: int) -> None:
        self._view, self._glyphs, self._lang = view, glyphs, lang
        self.places = places(width)
        self._at = view.window.column(view.at_s)
        self._ranks = len({lane.name.rank for lane in view.lanes if lane.name.role == "main"})
        self._long = width >= 60

    def phases(self) -> Line:
        """Return the line of phases, with the number of each epoch where it begins."""
        row = self._row(text("top.phase", self._lang), "dim")
        labels = self._epoch_labels()
        for column, band in enumerate(self._view.bands):
            letter, colour = PHASES[band.phase] if band.phase else (" ", "")
            sign = labels.get(column)
            if sign is not None:
                row.add(sign, f"reverse {colour}" if colour else "")
            else:
                row.add(letter if not self._glyphs.phase or not band.phase else self._glyphs.phase, colour)
        names = ("cpu", "memory", "since") if self.places.numbers >= 22 else ("cpu",)
        heads = [fit(text(f"top.lane.{name}", self._lang), LANE_CELLS[name], right=True) for name in names]
        return row.to(self.places.label + self.places.chart + 1).add("S" + "".join(heads), "dim").done()

    def _epoch_labels(self) -> dict[int, str]:
        # Where the number of an epoch has room before the next one; else of every second, fifth, tenth …
        begins = [(column, band.epoch) for column, band in enumerate(self._view.bands) if band.begins_epoch]
        for each in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
            chosen = [(column, str(epoch)) for column, epoch in begins if epoch is not None and epoch % each == 0]
            ends = [column + len(label) for column, label in chosen]
            fits = all(end < after[0] for end, after in zip(ends, chosen[1:], strict=False))
            if fits and (not ends or ends[-1] <= len(self._view.bands)):
                return {column + number: sign for column, label in chosen for number, sign in enumerate(label)}
            if fits:
                chosen = chosen[:-1]
                return {column + number: sign for column, label in chosen for number, sign in enumerate(label)}
        return {}

    def alarms(self) -> Line | None:
        """Return the line of episodes, each with its kind; None if there is none in the window."""
        if not any(band.episode for band in self._view.bands):
            return None
        row = self._row(text("top.alarm", self._lang), "bad")
        bands = self._view.bands
        column = 0
        while column < len(bands):
            episode = bands[column].episode
            end = column
            while end < len(bands) and bands[end].episode == episode:
                end += 1
            if episode is None:
                row.add(" " * (end - column))
            else:
                label = text(f"kind.{episode.kind}", self._lang)
                colour = EPISODES.get(episode.kind, "bold yellow")
                count = end - column
                if cell_len(label) + 2 <= count:
                    row.add(self._glyphs.alarm + label, colour)
                    row.add(self._glyphs.alarm * (count - 1 - cell_len(label)), colour)
                else:
                    row.add(self._glyphs.alarm * count, colour)
            column = end
        return row.done()

    def axis(self) -> Line:
        """Return the line with the times, and the cursor's."""
        window = self._view.window
        row = self._row(text("top.time", self._lang), "dim")
        cells = [" "] * window.count
        step = next((seconds for seconds in STEPS if seconds / window.width_s >= LABEL_CELLS), STEPS[-1])
        moment = (int(max(0.0, window.start_s)) // step) * step
        while moment < window.end_s:
            column = window.column(moment)
            label = clock(moment)
            if column >= 0 and column + len(label) < window.count:
                cells[column] = self._glyphs.tick
                cells[column + 1 : column + 1 + len(label)] = label
            moment += step
        content = "".join(cells)
        if 0 <= self._at < window.count:
            row.add(content[: self._at], "dim")
            row.add(self._glyphs.up, "bold").add(content[self._at + 1 :], "dim")
        else:
            row.add(content, "dim")
        return row.to(self.places.label + self.places.chart + 1).add(clock(self._view.at_s), "bold").done()

    def lane(self, lane: Lane, *, is_selected: bool = False) -> Line:
        """Return the line of one process."""
        label = lane_label(lane.name, self._lang, long=self._long, ranks=self._ranks)
        alarm = "bad" if lane.in_trouble else "selected" if is_selected else "" if lane.process else "dim"
        sign = self._glyphs.selected if is_selected else ""
        row = self._row(sign + label, alarm)
        self._cells(row, lane.cells)
        self._lane_numbers(row, lane)
        return row.done()

    def group(self, lanes: tuple[Lane, ...]) -> Line:
        """Return one line for several processes: the most serious state of each column."""
        label = text("top.others.long" if self._long else "top.others", self._lang, count=len(lanes))
        row = self._row(label, "dim")
        self._cells(row, [_together(cells) for cells in zip(*(lane.cells for lane in lanes), strict=True)])
        there = [lane for lane in lanes if lane.process is not None]
        used = sum(lane.process.cpu_ratio or 0.0 for lane in there if lane.process)
        resident = sum(lane.process.rss_bytes or 0 for lane in there if lane.process)
        letters = "".join(_letter(lane) for lane in there)
        row.to(self.places.label + self.places.chart + 1)
        if self.places.numbers >= 22:
            row.add(fit(f"{100 * used:.0f}", 7, right=True)).add(fit(size(resident), 7, right=True))
            row.add(" " + letters, "dim")
        else:
            row.add(fit(f"{100 * used:.0f}", 7, right=True))
        return row.done()

    def _cells(self, row: Row, cells: Iterable[int]) -> None:
        for rank in cells:
            if rank < 0:
                row.add(" ")
            else:
                row.add(self._glyphs.states[rank], STATE_STYLES[STATES[rank]])

    def _lane_numbers(self, row: Row, lane: Lane) -> None:
        row.to(self.places.label + self.places.chart + 1)
        process, numbers = lane.process, self.places.numbers
        if process is None:
            if lane.state == "dead":
                row.add(text("state.dead", self._lang), "bad")
            return
        letter = _letter(lane)
        row.add(letter, STATE_STYLES.get(lane.state or "", ""))
        row.add(
            fit("-" if process.cpu_ratio is None else f"{100 * process.cpu_ratio:.0f}", LANE_CELLS["cpu"], right=True)
        )
        if numbers >= 22:
            row.add(fit(size(process.rss_bytes), LANE_CELLS["memory"], right=True))
            since = self._since(lane)
            style_name = "bad" if lane.in_trouble else "warn" if lane.state in ("needs-data", "storage") else ""
            row.add(fit(age(since), LANE_CELLS["since"], right=True), style_name)
        if numbers >= 40:
            what = lane.beat.case if lane.beat is not None and lane.beat.case else None
            what = what or process.syscall_file or process.wait_channel or ""
            row.add("  " + what, "dim")

    def _since(self, lane: Lane) -> float | None:
        # Since the last progress: how long a worker has had its case, or the main process has waited or worked.
        beat = lane.beat
        if beat is None:
            return None
        began_s = beat.wait_began_s if beat.waits_for != "none" else beat.case_began_s
        began_s = beat.progressed_s if began_s is None else began_s
        return None if began_s is None else max(0.0, self._view.at_s - began_s)

    def chart_names(self) -> Iterator[str]:
        """Yield the charts that can be drawn, the vital ones first."""
        known = {chart.name for chart in self._view.charts}
        for kind in (*VITAL, *OPTIONAL):
            if kind == "gpu":
                yield from sorted((name for name in known if name.startswith("gpu:")), key=lambda name: int(name[4:]))
            elif kind == "disk":
                if "read" in known or "write" in known:
                    yield kind
            elif kind == "network":
                if "received" in known:
                    yield kind
            elif kind in known:
                yield kind

    def is_high(self, name: str) -> bool:
        """Return whether a value needs more than one line: it rises above the lowest signs."""
        parts = {"disk": ("read", "write"), "network": ("received", "sent")}.get(name, (name,))
        charts = [chart for chart in map(self._view.chart, parts) if chart is not None]
        return any((cell or 0.0) > LOW_SHARE for chart in charts for cell in (*chart.cells, *chart.over))

    def chart(self, name: str, height: int = 1) -> list[Line]:
        """Return the lines of one value; its name and numbers are on the last one."""
        view = self._view
        if name in ("disk", "network"):
            first, second = ("read", "write") if name == "disk" else ("received", "sent")
            cells, over = _both(view.chart(first), view.chart(second)), NO_OVER
        else:
            chart = view.chart(name)
            cells, over = (list(chart.cells), chart.over) if chart else ([], NO_OVER)
        lines = []
        for level in range(height - 1, -1, -1):
            row = self._row(chart_label(name, self._lang, long=self._long) if level == 0 else "", "bold")
            self._heights(row, cells, self._colour(name), over, (level, height))
            row.to(self.places.label + self.places.chart + 1)
            lines.append((row.add(self.numbers(name)) if level == 0 else row).done())
        return lines

    def _colour(self, name: str) -> str:
        if name.startswith("gpu"):
            return "green"
        return {"cpu": "cyan", "wait": "yellow", "swap": "magenta", "shm": "magenta"}.get(name, "blue")

    def _heights(
        self,
        row: Row,
        cells: list[float | None],
        colour: str,
        over: tuple[float | None, ...],
        place: tuple[int, int],
    ) -> None:
        # ``place``: which line this is, counted from below, of how many.
        signs, (line, lines) = self._glyphs.heights, place
        for number, value in enumerate(cells):
            extra = (over[number] or 0.0) if over else 0.0
            if value is None:
                row.add(" ")
                continue
            share = min(1.0, value + extra)
            height = max(1 if share > LEAST_SHARE else 0, round(share * LEVELS * lines)) - line * LEVELS
            if height <= 0:
                row.add(self._glyphs.dot if line == 0 else " ", "bright_black")
            else:
                row.add(signs[min(LEVELS, height)], "magenta" if extra >= IOWAIT_SEEN else colour)

    def numbers(self, name: str) -> str:
        """Return the values of a chart at the time, as long as there is room."""
        view, lang, room = self._view, self._lang, self.places.numbers
        if name.startswith("gpu:"):
            return self._gpu(int(name[4:]))
        if name == "cpu":
            return self._cpu()
        if name in ("disk", "network"):
            pair = ("read", "write") if name == "disk" else ("received", "sent")
            first, second = (self._now(name) for name in pair)
            if first is None and second is None:
                return ""
            if room < 22:
                return f"{size((first or 0) + (second or 0))}/s"
            if name == "disk":
                return text("top.read-write", lang, read=size(first), write=size(second))
            return f"{self._glyphs.down}{size(first)} {self._glyphs.up}{size(second)}/s"
        parts = [whole(self._now(name))]
        resident = self._now("resident")
        if name == "memory" and resident is not None:
            parts.append(f"rss {size(resident)}")
        if name == "wait" and view.main is not None and view.main.ready_queue is not None:
            of = "?" if view.main.ready_queue_size is None else view.main.ready_queue_size
            parts.append(text("top.queue", lang, ready=view.main.ready_queue, size=of))
        return self._fitting(parts)

    def _cpu(self) -> str:
        host = self._view.tick.host if self._view.tick else None
        parts = [whole(self._now("cpu"))]
        if host is not None and host.cpu_iowait_ratio is not None:
            parts.append(text("top.io", self._lang, percent=percent(host.cpu_iowait_ratio)))
        if host is not None and (host.cpu_steal_ratio or 0) > LEAST_SHARE:
            parts.append(text("top.steal", self._lang, percent=percent(host.cpu_steal_ratio)))
        if host is not None and host.load_1min is not None:
            parts.append(text("top.load", self._lang, load=host.load_1min))
        return self._fitting(parts)

    def _gpu(self, index: int) -> str:
        gpu = next((gpu for gpu in self._view.gpus if gpu.index == index), None)
        parts = [whole(self._now(f"gpu:{index}"))]
        if gpu is None:
            return parts[0]
        if gpu.power_w is not None:
            parts.append(f"{gpu.power_w:.0f}W")
        if gpu.memory_used_bytes is not None:
            parts.append(size(gpu.memory_used_bytes))
        if gpu.temperature_c is not None:
            parts.append(f"{gpu.temperature_c}°C")
        if gpu.sm_clock_mhz is not None:
            parts.append(f"{gpu.sm_clock_mhz}MHz")
        return self._fitting(parts)

    def _fitting(self, parts: list[str]) -> str:
        # Whole values only: half of a number is a wrong number.
        line = parts[0]
        for part in parts[1:]:
            if cell_len(line) + 1 + cell_len(part) > self.places.numbers:
                break
            line += " " + part
        return line

    def _now(self, name: str) -> float | None:
        chart = self._view.chart(name)
        return chart.now if chart else None

    def rest(self, names: Iterable[str]) -> Line:
        """Return one line with the values of charts that have no line of their own."""
        row = Row(self.places.width)
        for name in names:
            words = f"{chart_label(name, self._lang, long=False)} {self.numbers(name).strip()}"
            dot = f" {self._glyphs.dot} " if row.used else ""
            if cell_len(dot + words) <= row.left:
                row.add(dot, "dim").add(words)
        return row.done()

    def _row(self, label: str, name: str) -> Row:
        return Row(self.places.width).add(fit(label, self.places.label - 1, sign=self._glyphs.cut), name).add(" ")


def _together(cells: tuple[int, ...]) -> int:
    counts = [0] * len(STATES)
    for rank in cells:
        if rank >= 0:
            counts[rank] += 1
    return telling(counts)


def _letter(lane: Lane) -> str:
    return ((lane.process.state if lane.process else None) or "?")[:1]


def _both(first: Chart | None, second: Chart | None) -> list[float | None]:
    # Reading and writing share an axis: that of the larger one.
    charts = [chart for chart in (first, second) if chart is not None]
    top = max((chart.top for chart in charts), default=1.0)
    cells: list[float | None] = []
    for values in zip(*(chart.cells for chart in charts), strict=True):
        known = [value * chart.top for value, chart in zip(values, charts, strict=True) if value is not None]
        cells.append(min(1.0, sum(known) / top) if known else None)
    return cells


def in_order(lanes: Iterable[Lane]) -> list[Lane]:
    """Return lanes as they are shown: main processes, then those that stand still, then the rest by number."""
    return sorted(lanes, key=lambda lane: (lane.name.role != "main", not lane.in_trouble, place(lane.name)))
