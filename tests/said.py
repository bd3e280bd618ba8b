"""What the hook's lines say, in English words."""

from __future__ import annotations

from typing import Any

from holter.probes.training.remarks import worded
from holter.records import GpuSample, Text
from holter.reports.catalogue import phrase


def said(line: dict[str, Any]) -> str:
    return phrase(worded(line.get("say") or line.get("text", "")), "en")


def english(said: Text | None) -> str:
    return phrase(said or "", "en")


def gaps(sample: GpuSample) -> list[str]:
    """What could not be read, as "field: why"."""
    return [f"{gap.field}: {english(gap.why)}" for gap in sample.gaps]
