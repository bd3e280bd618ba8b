"""Remove what stands before each line of a pasted output: marks of quotations, stamps, names of tools, blanks."""

from __future__ import annotations

import re
import textwrap

from holter.patterns import later

# A quoted mail; kubectl logs --timestamps, docker logs -t and a node's own files (CRI); docker compose; kubectl
# --prefix; torchrun; srun -l; journald (not the kernel, whose lines have a reader of their own).
PREFIX = later(
    r"^(?:[ \t]*(?:>[ \t]?)+"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) (?:std(?:out|err) [FP] )?"
    r"|(?=[\d.-]{0,60}[A-Za-z_])[\w.-]{1,80}[-_]\d{1,6} +\| ?"
    r"|\[pod/[^\]\n]+\] "
    r"|\[(?:rank|default)\d+\]:? ?"
    r"|\d{1,3}: "
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w.-]+\[\d+\]: )",
    re.MULTILINE,
)
_FENCE = later(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)


# grep -n and -A, with or without a file's name; cat -n; PowerShell's Select-String; editors. Not a time, a date, a bus.
_NUMBERED = later(
    r"^(?!\d\d?:\d\d\b|\d\d-\d\d-|\d{4}-\d\d-\d\d)(?:> ?| {0,2})(?P<name>(?=[^\s:]*[A-Za-z])[^\s:]{1,120}?[:-])?"
    r" {0,6}(?P<number>\d{1,7})(?::|-|\t| ?\| ?)(?P<text>.*)$"
)
# So many lines in a row with numbers that rise by one have line numbers.
FEWEST_NUMBERED = 2


def unnumbered(lines: list[str]) -> list[str]:
    """Return the lines without the line numbers that a tool or an editor put in front of them."""
    marks = [_NUMBERED.match(line) for line in lines]
    bare_lines, start = list(lines), 0
    for place in range(1, len(marks) + 1):
        if place < len(marks) and _follows(marks[place - 1], marks[place]):
            continue
        run = [mark for mark in marks[start:place] if mark is not None]
        # A table's first column of numbers has blanks behind each of them.
        if len(run) >= FEWEST_NUMBERED and any(mark["text"][:1].strip() for mark in run):
            bare_lines[start:place] = [mark["text"] for mark in run]
        start = place
    return bare_lines


def _follows(one: re.Match[str] | None, other: re.Match[str] | None) -> bool:
    if one is None or other is None or (one["name"] or "")[:-1] != (other["name"] or "")[:-1]:
        return False
    return int(other["number"]) == int(one["number"]) + 1


def bare_line(line: str) -> str:
    """Return one line without the prefix of a tool and without blanks around it."""
    return PREFIX.sub("", line, count=1).strip()


def bare(text: str) -> str:
    """Return a text without prefixes of tools, and without the common indentation of its paragraphs.

    A paragraph with a line that is not indented keeps its blanks: they may show what belongs below this line.
    """
    text = _FENCE.sub("", PREFIX.sub("", text.replace("\r\n", "\n")))
    text = "\n".join(map(str.rstrip, text.split("\n")))
    return "\n\n".join(map(_dedented, text.split("\n\n")))


def _dedented(paragraph: str) -> str:
    lines = [line for line in paragraph.split("\n") if line.strip()]
    return textwrap.dedent(paragraph) if lines and all(line[0] in " \t" for line in lines) else paragraph
