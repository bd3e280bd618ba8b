"""Read the output of memtester."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.text_facts.readouts.values import Fact
from holter.patterns import later

FAILED = later(r"^.*FAILURE: (?:0x[0-9a-f]+ != 0x|possible bad address).*$", re.MULTILINE)


def memtester(text: str) -> Iterator[Fact]:
    """Read the tests of ``memtester`` that failed: the memory does not hold what is written."""
    failed = FAILED.search(text)
    if failed is not None:
        yield "hardware.kernel_errors", (" ".join(failed[0].split()),), failed[0]
        yield "episode.kind", "death", failed[0]
