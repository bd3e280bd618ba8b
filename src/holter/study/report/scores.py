"""The Dice scores of a fold, from nnU-Net's ``validation/summary.json``."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from holter.texts.plans import read_json
from holter.texts.results_folder import SUMMARIES

# A summary of a thousand cases with ten labels has about four megabytes.
MOST_BYTES = 1 << 28


class Scores(NamedTuple):
    """Mean Dice over the validation cases of one fold; None: no case has the label."""

    foreground: float | None
    labels: Mapping[str, float | None]  # by nnU-Net's number of the label, or "(1, 2)" of a region
    cases: int


def scores_of(folder: Path) -> Scores | None:
    """Return the Dice scores of the fold in this folder; None if nnU-Net has written none, or they cannot be read."""
    for name in SUMMARIES:
        try:
            with (folder / name).open(encoding="utf-8") as file:
                content = json.loads(file.read(MOST_BYTES))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            return _scores(content)
    return None


def label_names(dataset_json: Path) -> Mapping[str, str]:
    """Return the names of a data set's labels, by the keys of ``Scores.labels``; empty if they cannot be read."""
    labels = read_json(dataset_json).get("labels")
    if not isinstance(labels, dict):
        return {}
    return {str(tuple(value)) if isinstance(value, list) else str(value): str(name) for name, value in labels.items()}


def mean_and_spread(values: Sequence[float | None]) -> tuple[float, float] | None:
    """Return mean and standard deviation of the folds that have a score; None below two of them."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    return statistics.fmean(known), statistics.stdev(known)


def _scores(content: Mapping[str, Any]) -> Scores:
    means = content.get("mean")
    labels = {str(label): _dice(values) for label, values in means.items()} if isinstance(means, dict) else {}
    cases = content.get("metric_per_case")
    return Scores(_dice(content.get("foreground_mean")), labels, len(cases) if isinstance(cases, list) else 0)


def _dice(values: Any) -> float | None:
    value = values.get("Dice") if isinstance(values, dict) else None
    # nnU-Net writes NaN where no case has the label.
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
