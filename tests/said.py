"""What the hook's lines say, in English words."""

from __future__ import annotations

from typing import Any

from holter.probes.training.remarks import worded
from holter.reports.catalogue import phrase


def said(line: dict[str, Any]) -> str:
    return phrase(worded(line.get("say") or line.get("text", "")), "en")
