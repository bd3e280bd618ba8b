"""How fast Holter notices: what the pages say is what the fault lab measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| `[a-z0-9-]+` \|[^|]*\|[^|]*\| ([\d.]+) \| [\d.]+ \|")
LONG = ("README.md", "README.zh-CN.md", "docs/explanation/how-it-notices.md", "docs/zh/explanation/how-it-notices.md")
SHORT = (
    "README.md", "README.zh-CN.md", "docs/index.md", "docs/zh/index.md", "CITATION.cff",
    "src/holter/cli/__init__.py",
)  # fmt: skip


def alarms_s() -> list[float]:
    """Seconds from each fault of the lab to its alarm."""
    results = (ROOT / "benchmarks/RESULTS.md").read_text()
    section = results.split("## The fault lab (`faultlab`)")[1].split("\n## ")[0]
    found = sorted(float(each) for each in ROW.findall(section))
    assert len(found) == 79
    return found


def within(limit_s: float) -> float:
    times = alarms_s()
    return sum(each <= limit_s for each in times) / len(times)


@pytest.mark.parametrize("page", LONG)
def test_the_measured_times_are_said(page: str) -> None:
    said = (ROOT / page).read_text()
    shares = re.search(r"(?:half within|一半在) (\d+) (?:s|秒内)\D{1,3}(\d+) % (?:within|在) (\d+) (?:s|秒内)", said)
    assert shares is not None
    assert within(float(shares[1])) >= 0.5
    assert round(100 * within(float(shares[3]))) == int(shares[2])
    last = re.search(r"95 % (?:within|在) (\d+) (?:s|秒内)", said)
    assert last is not None and within(float(last[1])) >= 0.95


@pytest.mark.parametrize("page", SHORT)
def test_the_short_form_is_true_of_most_and_the_same_everywhere(page: str) -> None:
    said = " ".join((ROOT / page).read_text().split())
    assert "mostly within 15 seconds" in said or "大多在 15 秒内" in said
    assert not re.search(r"within seconds that it stalled|a stall in seconds|几秒之内(?:就会)?发现", said)
    assert within(15.0) > 0.8
