"""A tape that is being written -> its numbers as the text that Prometheus reads, with the name of the run."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable
from pathlib import Path, PurePath

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from holter.errors import HolterError
from holter.records import Environment
from holter.tape import Follower
from holter.texts.training_command import parse_training_command
from holter.views.metrics import names
from holter.views.metrics.run_numbers import RunNumbers, Value, only

NAME_CHARS = 32
# Of a tape that is there already only the last minute is read: totals and events are complete in it.
PRESENT_S = 60.0


class TapeMetrics:
    """Reads what is new on a tape at each call. Not for several threads at the same time."""

    def __init__(self, tape: Path) -> None:
        self._follower = Follower(tape)
        self._numbers = RunNumbers()
        self.run: str | None = None  # None until the tape has the description of the run

    def read(self) -> None:
        """Read what was added to the tape since the last call; do nothing if it cannot be read now."""
        try:
            news = self._follower.news()
            ticks = self._follower.fresh(max(0.0, news.last_s - PRESENT_S))
        except (HolterError, OSError):
            return
        if news.environment is not None:
            self._numbers.learn(news.environment)
            self.run = self.run or run_name(news.environment)
        for tick in ticks:
            self._numbers.see(tick)
        for event in (*news.older, *news.events):
            self._numbers.hear(event)
        for episode in news.episodes:
            self._numbers.mark(episode)
        self._numbers.finished = news.finished
        if ticks:
            self._numbers.wall.see(ticks[-1].t_s, time.time())

    def exposed(self) -> bytes:
        """Return the metrics in Prometheus' text format; b"" as long as the run has no name."""
        return b"" if self.run is None else exposed(self.run, self._numbers.values(time.time()))

    def last_words(self) -> bytes | None:
        """Return the metrics that stay true after a run has ended badly; None if it ended well or never had a name."""
        if self.run is None:
            return None
        self._numbers.abandoned = not self._numbers.finished
        values = list(self._numbers.values(time.time()))
        state = next(value.labels[0] for value in values if value.metric is names.STATE and value.value)
        is_attach = state == "cut" and self._numbers.finished  # the recording has ended, and the training goes on
        if state in ("finished", "nothing-trained") or is_attach:
            return None
        return exposed(self.run, only(values, names.AFTER_THE_END))


class Snapshot(Collector):
    """The values of one moment, for prometheus_client."""

    def __init__(self, run: str, values: Iterable[Value]) -> None:
        self._run = run
        self._values = list(values)

    def collect(self) -> Iterable[Metric]:
        """Return one family for each metric that has a value, in the order of the table."""
        for metric in names.METRICS:
            values = [value for value in self._values if value.metric is metric]
            if not values:
                continue
            labels = ("run", *metric.labels)
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=labels)
            for value in values:
                family.add_metric((self._run, *value.labels), value.value)
            yield family


def exposed(run: str, values: Iterable[Value]) -> bytes:
    """Return the values in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(Snapshot(run, values))
    return generate_latest(registry)


def run_name(environment: Environment | None) -> str | None:
    """Return the value of the label ``run``, ``Dataset004-3d_fullres-fold0-3fa91c``; None while it is unknown.

    The last part differs between runs of one fold. The name never changes during a run and contains no path.
    """
    if environment is None:
        return None
    command = environment.command
    training = parse_training_command(command)
    started = hashlib.sha256("\0".join((environment.wall_start, *command)).encode("utf-8", "replace")).hexdigest()[:6]
    if training is None:
        about = [PurePath(command[0]).name if command else "training"]
    else:
        about = [_dataset(training.dataset), training.configuration, f"fold{training.fold}"]
    return "-".join((*(re.sub(r"[^A-Za-z0-9_.]+", "_", word)[:NAME_CHARS] for word in about), started))


def _dataset(word: str) -> str:
    number = word.removeprefix("Dataset").partition("_")[0]
    return f"Dataset{int(number):03d}" if number.isascii() and number.isdigit() else word
