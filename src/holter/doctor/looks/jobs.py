"""Children of which each has a deadline, looked at together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from holter.probes.deadline import Errand

PAUSE_S = 0.05


def wait(errands: Iterable[Errand], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Until each has ended or was given up."""
    open_ones = list(errands)
    while open_ones := [one for one in open_ones if one.outcome() is None]:
        meanwhile()
        time.sleep(PAUSE_S)


def lines(text: str) -> list[dict[str, Any]]:
    """The objects of a child's lines; a line cut in the middle is left out."""
    found = []
    for line in text.splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict):
            found.append(read)
    return found


def merged(text: str) -> dict[str, Any]:
    """All facts of a child's lines."""
    facts: dict[str, Any] = {}
    for line in lines(text):
        facts.update(line)
    return facts
