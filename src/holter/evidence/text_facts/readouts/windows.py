"""Read the outputs of PowerShell's commands that Holter asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.text_facts.readouts.disks import FEW_BYTES
from holter.evidence.text_facts.readouts.values import NUMBER, UNITS, Fact, answer_of, number
from holter.patterns import later

_DRIVES = later(r"^Name\s+Used \(GB\)\s+Free \(GB\)\s.*$", re.MULTILINE)
_DRIVE = later(
    rf"^(?P<name>[A-Z])\s+(?P<used>{NUMBER})\s+(?P<free>{NUMBER})\s+FileSystem\s+(?P<root>[A-Z]:\\).*$", re.MULTILINE
)
_COMMITTED = later(r"\\memory\\committed bytes :\s*\n\s*(\d+)", re.IGNORECASE)
_LIMIT = later(r"\\memory\\commit limit :\s*\n\s*(\d+)", re.IGNORECASE)


def drives(text: str) -> Iterator[Fact]:
    """Read ``Get-PSDrive``: a drive that is full."""
    if _DRIVES.search(text) is None:
        return
    for row in _DRIVE.finditer(text):
        if number(row["free"]) * UNITS["G"] < FEW_BYTES <= number(row["used"]) * UNITS["G"]:
            yield "disk.full", True, row[0]
            yield "disk.folder", row["root"], row[0]


def memory(text: str) -> Iterator[Fact]:
    """Read the counters of memory that is promised to programs, and its limit: RAM and paging file together."""
    committed, limit = _COMMITTED.search(text), _LIMIT.search(text)
    if committed is not None and limit is not None and int(limit[1]):
        share = round(min(1.0, int(committed[1]) / int(limit[1])), 3)
        yield "memory.used_ratio", share, f"{committed[0]} {limit[0]}"


def processors(text: str) -> Iterator[Fact]:
    """Read the number of processors."""
    match = answer_of(r"\(Get-CimInstance Win32_ComputerSystem\)\.NumberOfLogicalProcessors", text)
    if match is not None and match["answer"].isdecimal():
        yield "cpu.visible", int(match["answer"]), match[0]
