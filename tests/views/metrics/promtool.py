"""Rule tests for promtool, from replayed tapes."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metrics_replay import Replay

from holter.views.metrics.exposition import run_name
from holter.views.metrics.names import TAPE, Metric

EVERY_S = 15
# A recorder that lives writes on.
GOES_ON = {TAPE: EVERY_S}
Series = dict[tuple[Metric, tuple[str, ...]], list[float | None]]


def scraped(replay: Replay, until_s: float) -> Series:
    """The values at each scrape up to that time, None where a series was not there."""
    found: Series = {}
    moments = [*range(0, math.floor(until_s), EVERY_S), until_s]
    for index, t_s in enumerate(moments):
        for value in replay.until(t_s).values(t_s):
            row = found.setdefault((value.metric, value.labels), [])
            row += [None] * (index - len(row)) + [value.value]
        for row in found.values():
            row += [None] * (index + 1 - len(row))
    return found


def input_series(found: Series, run: str, hold: int, grows: Mapping[Metric, float] = GOES_ON) -> list[dict[str, str]]:
    """promtool's series; then they are held for ``hold`` scrapes (0: they end), and ``grows`` by so much in each."""
    series = []
    for (metric, labels), row in found.items():
        pairs = {"run": run, **dict(zip(metric.labels, labels, strict=True))}
        name = f"{metric.name}{{{', '.join(f'{key}={json.dumps(word)}' for key, word in pairs.items())}}}"
        words = ["_" if value is None else "NaN" if math.isnan(value) else repr(value) for value in row]
        last = row[-1]
        if last is not None:
            step = grows.get(metric, 0)
            words.append(f"{'NaN' if math.isnan(last) else repr(last + step)}+{step}x{hold}" if hold else "stale")
        series.append({"series": name, "values": " ".join(words)})
    return series


def name_of(replay: Replay) -> str:
    name = run_name(replay.recording.environment)
    assert name is not None
    return name


def check(folder: Path, rules: str, groups: list[dict[str, Any]]) -> None:
    """Let promtool run these tests."""
    (folder / "holter.rules.yml").write_text(rules, encoding="utf-8")
    tests = {"rule_files": ["holter.rules.yml"], "evaluation_interval": f"{EVERY_S}s", "tests": groups}
    # JSON is YAML.
    (folder / "tests.yml").write_text(json.dumps(tests), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
