"""The numbers of a whole study in the folder of the node exporter: ``holter study run --metrics textfile:FOLDER``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from holter.study.plan import counts
from holter.study.records import Cell, known_sum, lost_by_cause
from holter.supervisor.recording.energy import J_PER_KWH
from holter.views.metrics import names
from holter.views.metrics.textfile import TextFile

# A look at 300 trainings takes a second of a core.
EVERY_S = 120.0


class StudyMetrics:
    """Writes one file; it is removed when everything is done, else its last state stays."""

    def __init__(self, folder: Path, cells: Sequence[Cell], wall_s: Callable[[], float]) -> None:
        self._name, self._wall_s = study_name(cells), wall_s
        self._file = TextFile(folder, self._name)
        self._next_s = float("-inf")

    def see(self, now_s: float, cells: Callable[[], Sequence[Cell]]) -> None:
        """Write the file if it is due.

        ``now_s``: seconds of the monotonic clock. ``cells``: returns the present trainings.
        """
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            self._file.write(exposed(self._name, cells(), self._wall_s()))

    def finish(self, cells: Sequence[Cell]) -> None:
        """Remove the file of a study that is done, or write its last state."""
        if all(cell.state == "done" for cell in cells):
            self._file.remove()
        else:
            self._file.write(exposed(self._name, cells, self._wall_s()))


def study_name(cells: Sequence[Cell]) -> str:
    """Return the value of the label ``study``: its data sets, and letters that differ between studies."""
    datasets = [cell.job.dataset.partition("_")[0] for cell in cells]
    about = "+".join(dict.fromkeys(re.sub(r"[^A-Za-z0-9]+", "_", word) for word in datasets))[:40]
    folders = "\0".join(sorted(str(cell.job.folder) for cell in cells))
    return f"study-{about}-{hashlib.sha256(folders.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"


def exposed(name: str, cells: Sequence[Cell], wall_s: float) -> bytes:
    """Return the numbers in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Study(name, cells, wall_s))
    return generate_latest(registry)


class _Study(Collector):
    def __init__(self, name: str, cells: Sequence[Cell], wall_s: float) -> None:
        self._name, self._cells, self._wall_s = name, cells, wall_s

    def collect(self) -> Iterable[Metric]:
        """Return one family for each metric that has a value."""
        cells = self._cells
        lost = lost_by_cause(cells).most_common(names.MOST_CAUSES)
        hours, kwh = known_sum(cell.hours for cell in cells), known_sum(cell.energy_kwh for cell in cells)
        values: dict[names.Metric, dict[tuple[str, ...], float]] = {
            names.STUDY_TRAININGS: {(state,): count for state, count in counts(cells).items()},
            names.STUDY_LEFT: {} if hours is None else {(): 3600 * hours},
            names.STUDY_ODD: {(): sum(cell.odd is not None for cell in cells)},
            names.STUDY_INCIDENTS: {(): sum(cell.incidents or 0 for cell in cells)},
            names.STUDY_LOST: {(cause or names.UNKNOWN,): seconds for cause, seconds in lost},
            names.STUDY_ENERGY: {} if kwh is None else {(): J_PER_KWH * kwh},
            names.STUDY_SEEN: {(): self._wall_s},
        }
        for metric, series in values.items():
            family = GaugeMetricFamily(metric.name, metric.help, labels=("study", *metric.labels))
            for labels, value in series.items():
                family.add_metric((self._name, *labels), value)
            if series:
                yield family
