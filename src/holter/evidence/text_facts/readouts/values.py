"""Read sizes in the forms that commands print, and the record of one fact that was read."""

from __future__ import annotations

import re

from holter.evidence.fact_book import Value

UNITS = {"": 1.0, "B": 1.0, "K": 2.0**10, "M": 2.0**20, "G": 2.0**30, "T": 2.0**40, "P": 2.0**50}
KIB = UNITS["K"]
MIB = UNITS["M"]
# A number as programs print it, with the decimal sign of any locale: what is cut off or written by hand ("...",
# "1.2.3") is none.
NUMBER = r"\d+(?:[.,]\d+)?"
# Per cent of the CPU time that waits for storage.
WAITS = 15.0

# Name, value, and the words that it was read from.
Fact = tuple[str, Value, str]


def bytes_of(written: str) -> float | None:
    """Read a size such as ``64M``, ``1.5Gi`` or ``1024``; None if it is not one."""
    match = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*([BKMGTP]?)i?B?", written.strip(), re.IGNORECASE)
    return None if match is None else float(match[1].replace(",", ".")) * UNITS[match[2].upper()]


def number(written: str) -> float:
    """Return the value of a ``NUMBER``."""
    return float(written.replace(",", "."))


def answer_of(command: str, text: str) -> re.Match[str] | None:
    """Find a command that was typed in a shell, and the first line that it printed; return None if there is none.

    ``command``: a regular expression. The group ``answer`` of the match is the printed line.
    """
    return re.search(rf"^(?:.*[$#%>] ?)?(?:{command})\s*\n\s*(?P<answer>\S[^\n]*?)\s*$", text, re.MULTILINE)
