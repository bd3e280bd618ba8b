"""The charts below the lanes: a line or more for each value, with its numbers at the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len

from holter.reports.catalogue import Lang, text
from holter.views.model.view import Chart, View
from holter.views.top.draw.glyphs import Glyphs
from holter.views.top.draw.rows import Line, Places, Row
from holter.views.top.draw.words import chart_label, percent, size, whole

# Charts in the order of the question "where does the time go?"; the first ones are always shown.
VITAL = ("gpu", "cpu", "memory", "disk")
OPTIONAL = ("wait", "group-memory", "swap", "network", "shm")
# A disk that the CPU waits for this much is worth a colour.
IOWAIT_SEEN = 0.05
LEVELS = 8
# A share above this is drawn at least as the lowest sign.
LEAST_SHARE, LOW_SHARE = 0.01, 0.2
NO_OVER: tuple[float | None, ...] = ()


class Charts:
    """Draws the charts of one view."""

    def __init__(self, view: View, glyphs: Glyphs, lang: Lang, places: Places) -> None:
        self._view, self._glyphs, self._lang, self.places = view, glyphs, lang, places
        self._long = places.width >= 60

    def names(self) -> Iterator[str]:
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
        """Return whether a value is so high somewhere that its chart needs more than one line."""
        parts = {"disk": ("read", "write"), "network": ("received", "sent")}.get(name, (name,))
        charts = [chart for chart in map(self._view.chart, parts) if chart is not None]
        return any((cell or 0.0) > LOW_SHARE for chart in charts for cell in (*chart.cells, *chart.over))

    def lines(self, name: str, height: int = 1) -> list[Line]:
        """Return the chart of one value, ``height`` lines high; its name and its numbers are on the last line."""
        view = self._view
        if name in ("disk", "network"):
            first, second = ("read", "write") if name == "disk" else ("received", "sent")
            cells, over = _both(view.chart(first), view.chart(second)), NO_OVER
        else:
            chart = view.chart(name)
            cells, over = (list(chart.cells), chart.over) if chart else ([], NO_OVER)
        lines = []
        for level in range(height - 1, -1, -1):
            row = self.places.row(
                chart_label(name, self._lang, long=self._long) if level == 0 else "", "bold", self._glyphs.cut
            )
            row.add_cells(self._heights(cells, self._colour(name), over, (level, height)))
            row.to(self.places.label + self.places.chart + 1)
            lines.append((row.add(self.numbers(name)) if level == 0 else row).done())
        return lines

    def _colour(self, name: str) -> str:
        if name.startswith("gpu"):
            return "green"
        return {"cpu": "cyan", "wait": "yellow", "swap": "magenta", "shm": "magenta"}.get(name, "blue")

    def _heights(
        self, cells: list[float | None], colour: str, over: tuple[float | None, ...], place: tuple[int, int]
    ) -> Iterator[tuple[str, str]]:
        # ``place``: which line this is, counted from below, of how many. Yields signs with their styles.
        signs, (line, lines) = self._glyphs.heights, place
        for number, value in enumerate(cells):
            extra = (over[number] or 0.0) if over else 0.0
            if value is None:
                yield " ", ""
                continue
            share = min(1.0, value + extra)
            height = max(1 if share > LEAST_SHARE else 0, round(share * LEVELS * lines)) - line * LEVELS
            if height <= 0:
                yield self._glyphs.dot if line == 0 else " ", "bright_black"
            else:
                yield signs[min(LEVELS, height)], "magenta" if extra >= IOWAIT_SEEN else colour

    def numbers(self, name: str) -> str:
        """Return the numbers beside a chart: its values at the chosen moment, as many as fit."""
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


def _both(first: Chart | None, second: Chart | None) -> list[float | None]:
    # Reading and writing share an axis: that of the larger one.
    charts = [chart for chart in (first, second) if chart is not None]
    top = max((chart.top for chart in charts), default=1.0)
    cells: list[float | None] = []
    for values in zip(*(chart.cells for chart in charts), strict=True):
        known = [value * chart.top for value, chart in zip(values, charts, strict=True) if value is not None]
        cells.append(min(1.0, sum(known) / top) if known else None)
    return cells
