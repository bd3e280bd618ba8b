"""Write the numbers of a run as the text that Prometheus reads, and derive the run's name in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import PurePath

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from holter.records import Environment
from holter.texts.training_command import parse_training_command
from holter.views.metrics import names
from holter.views.metrics.run_numbers import Value

NAME_CHARS = 32


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
