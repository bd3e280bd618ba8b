"""The time axis and what is on it: phases, episodes and lanes, one line each."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len

from holter.reports.catalogue import Lang, text
from holter.reports.html.lanes import STATES
from holter.reports.when import clock
from holter.views.model.columns import telling
from holter.views.model.series import place
from holter.views.model.view import Lane, View
from holter.views.top.draw.glyphs import EPISODES, PHASES, STATE_STYLES, Glyphs
from holter.views.top.draw.rows import Line, Row, fit, places
from holter.views.top.draw.words import age, lane_label, size

# Steps of the time axis in seconds.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
LABEL_CELLS = 9
# The numbers of a lane.
LANE_CELLS = {"cpu": 6, "memory": 7, "since": 8}


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
        row = self.places.row(text("top.phase", self._lang), "dim", self._glyphs.cut)
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
            if fits:
                if ends and ends[-1] > len(self._view.bands):
                    chosen = chosen[:-1]
                return {column + number: sign for column, label in chosen for number, sign in enumerate(label)}
        return {}

    def alarms(self) -> Line | None:
        """Return the line of episodes, each with its kind; None if there is none in the window."""
        if not any(band.episode for band in self._view.bands):
            return None
        row = self.places.row(text("top.alarm", self._lang), "bad", self._glyphs.cut)
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
        """Return the line with the times of the axis and of the cursor."""
        window = self._view.window
        row = self.places.row(text("top.time", self._lang), "dim", self._glyphs.cut)
        cells = [" "] * window.count
        step = next((seconds for seconds in STEPS if seconds / window.width_s >= LABEL_CELLS), STEPS[-1])
        moment = (int(max(0.0, window.start_s)) // step) * step
        while moment < window.end_s:
            column = window.column(moment)
            label = clock(moment)
            end = column + len(label)
            # The sign of the moment that is shown stands between the labels, never in one.
            if column >= 0 and end < window.count and not column <= self._at <= end:
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
        label = lane_label(lane.name, self._lang, long=self._long, ranks=self._ranks)
        alarm = "bad" if lane.in_trouble else "selected" if is_selected else "" if lane.process else "dim"
        sign = self._glyphs.selected if is_selected else ""
        row = self.places.row(sign + label, alarm, self._glyphs.cut)
        self._cells(row, lane.cells)
        self._lane_numbers(row, lane)
        return row.done()

    def group(self, lanes: tuple[Lane, ...]) -> Line:
        """Return one line for several processes: the most serious state of each column."""
        label = text("top.others.long" if self._long else "top.others", self._lang, count=len(lanes))
        row = self.places.row(label, "dim", self._glyphs.cut)
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
        signs = self._glyphs.states
        row.add_cells((" ", "") if rank < 0 else (signs[rank], STATE_STYLES[STATES[rank]]) for rank in cells)

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


def _together(cells: tuple[int, ...]) -> int:
    counts = [0] * len(STATES)
    for rank in cells:
        if rank >= 0:
            counts[rank] += 1
    return telling(counts)


def _letter(lane: Lane) -> str:
    return ((lane.process.state if lane.process else None) or "?")[:1]


def in_order(lanes: Iterable[Lane]) -> list[Lane]:
    """Return lanes as they are shown: main processes, then those that are stalled, then the rest by number."""
    return sorted(lanes, key=lambda lane: (lane.name.role != "main", not lane.in_trouble, place(lane.name)))
