"""The files that the pages load: scripts and styles of these pages, of the report, and of the chart library uPlot."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from holter.reports import html

HERE = Path(__file__).parent
REPORT = Path(html.__file__).parent
STATIC = HERE / "static"

# Only these names are served: a path of a request never reaches the disk.
FILES = {
    "report.css": (REPORT / "report.css", "text/css"),
    "report.js": (REPORT / "report.js", "text/javascript"),
    "uPlot.min.css": (STATIC / "uPlot.min.css", "text/css"),
    "uPlot.iife.min.js": (STATIC / "uPlot.iife.min.js", "text/javascript"),
    "web.css": (STATIC / "web.css", "text/css"),
    "web.js": (STATIC / "web.js", "text/javascript"),
}


class Asset(NamedTuple):
    """A file in memory, compressed. Its checksum is part of its address, so that a changed file has a new address."""

    body: bytes
    kind: str
    sum: str


@lru_cache
def asset(name: str) -> Asset | None:
    if name not in FILES:
        return None
    path, kind = FILES[name]
    content = path.read_bytes()
    return Asset(gzip.compress(content), f"{kind}; charset=utf-8", hashlib.sha256(content).hexdigest()[:12])


def address(name: str) -> str:
    """Return the address of a file, relative to the root of the pages."""
    found = asset(name)
    return f"static/{name}?v={found.sum}" if found else f"static/{name}"
