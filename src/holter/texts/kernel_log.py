"""Find the lines of the kernel log in a text, and those of them that may concern a training, by their times.

``dmesg -T`` and ``journalctl`` print wall-clock times, ``dmesg`` alone seconds since boot. A line from before the
training is no evidence. Without times of a training, or with seconds since boot, only the last day of the log counts.
"""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

from holter.patterns import later
from holter.records import Message
from holter.sentences import define
from holter.texts.prefixes import bare_line

# Before the training: a fault of disk or GPU may have begun. After it: the log was copied, clocks differ.
BEFORE_S, AFTER_S = 3600.0, 3600.0
# Without the times of a training.
RECENT_S = 86_400.0
WALL_FORMATS = ("%a %b %d %H:%M:%S %Y", "%Y-%m-%dT%H:%M:%S")
_LINE = later(
    r"^\s*(?:<\d+>)?(?:kern\s*:\w+\s*:\s*)?(?:"
    r"\[\s*(?P<boot>\d{1,9}\.\d{3,6})\]"
    r"|\[(?P<wall>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\]"
    r"|(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:,\d{6}\S*|\S* \S+ kernel:)"
    r"|(?P<journal>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ kernel:"
    r")\s?(?P<text>.*)$"
)
# As nnU-Net's log stamps its lines.
_STAMP = later(r"^[ \t]*(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
TELLING = later(
    r"oom|Out of memory|Killed process|Xid|NVRM|Hardware Error|Machine check|EDAC|I/O error|EXT4-fs error|XFS|nfs"
    r"|CIFS|Lustre|segfault|blocked for more than|AER|general protection",
    re.IGNORECASE,
)
# A crash, an out-of-memory kill or a standstill of some other program; a drive that holds no data of a training.
# The kernel cuts names off after 15 characters.
_OURS = r"(?:python|pt_|nnUNet|ray|torchrun|conda|ipykernel|jupyter)"
_OF_OTHERS = later(
    rf"\b(?!{_OURS})[\w.-]+\[\d+\]: segfault at|\btraps: (?!{_OURS})"
    rf"|\bKilled process \d+(?:, UID \d+,)? \((?!{_OURS})|\boom-kill:.*\btask=(?!{_OURS})|\boom_reaper: .*\((?!{_OURS})"
    rf"|\bINFO: task (?!{_OURS})\S.*:\d+ blocked for more than"
    r"|\bI/O error,? (?:on )?(?:dev )?(?:fd|sr|loop)\d"
)
# The kernel names the process that asked for memory, then the one that it kills: only the second one ended.
_ASKED = later(r"\binvoked oom-killer:")
_KILLED = later(r"\b(?:Killed process \d+|oom-kill:)")
# A server that answers again.
_AWAY = later(r"\bnfs: server (?P<server>\S+) not responding")
_BACK = later(r"\bnfs: server (?P<server>\S+) OK\b")
TOO_OLD = define(
    "kernel-log.too-old",
    "{count} lines of the kernel log are from long before the fault and are not used; the last one: {line}",
    one="One line of the kernel log is from long before the fault and is not used: {line}",
)
NO_CLOCK = define(
    "kernel-log.no-clock",
    "The kernel log gives seconds since boot, which cannot be compared with the times of the training; dmesg -T can.",
)
QUOTE_CHARS = 120


class Span(NamedTuple):
    """First and last time of a training, in seconds since 1970 as if its clock were UTC."""

    begin_s: float
    end_s: float


class Sifted(NamedTuple):
    """A text without its lines of the kernel log, those of these lines that may count, and notes on the others."""

    rest: str
    lines: str
    notes: tuple[Message, ...]


class _Line(NamedTuple):
    at_s: float
    is_wall: bool
    text: str


def sifted(text: str, span: Span | None = None) -> Sifted:
    """Separate the lines of the kernel log from a text; ``span``: when the training ran, if another text shows it."""
    span = span or span_of(text)
    rest, lines = [], []
    for line in text.splitlines():
        match = _LINE.match(line) or _LINE.match(bare_line(line))
        if match is None:
            rest.append(line)
        else:
            lines.append(_line(match, span))
    if not lines:
        return Sifted(text, "", ())
    last_s = {
        is_wall: max(line.at_s for line in lines if line.is_wall == is_wall) for is_wall in {x.is_wall for x in lines}
    }
    kept = [line for line in lines if _counts(line, span, last_s[line.is_wall])]
    kept = _of_the_training(kept)
    old = [line for line in lines if not _counts(line, span, last_s[line.is_wall]) and TELLING.search(line.text)]
    notes = [TOO_OLD(count=len(old), line=old[-1].text.strip()[:QUOTE_CHARS])] if old else []
    if span is not None and any(not line.is_wall and TELLING.search(line.text) for line in kept):
        notes.append(NO_CLOCK())
    return Sifted("\n".join(rest), "\n".join(line.text for line in kept), tuple(notes))


def _of_the_training(lines: list[_Line]) -> list[_Line]:
    names_victims = any(_KILLED.search(line.text) for line in lines)
    kept = [
        line
        for line in lines
        if _OF_OTHERS.search(line.text) is None and not (names_victims and _ASKED.search(line.text))
    ]
    back = {match["server"]: place for place, line in enumerate(kept) if (match := _BACK.search(line.text))}
    return [
        line
        for place, line in enumerate(kept)
        if (match := _AWAY.search(line.text)) is None or back.get(match["server"], -1) < place
    ]


def is_before(line: str, begin_s: float) -> bool:
    """Return whether this is a line of the kernel log, stamped with a wall-clock time well before ``begin_s``."""
    match = _LINE.match(line) if line[:1] in "[<0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZk" else None
    if match is None:
        return False
    read = _line(match, Span(begin_s, begin_s))
    return read.is_wall and read.at_s < begin_s - BEFORE_S


def _counts(line: _Line, span: Span | None, last_s: float) -> bool:
    if span is None or not line.is_wall:
        return line.at_s >= last_s - RECENT_S
    return span.begin_s - BEFORE_S <= line.at_s <= span.end_s + AFTER_S


def _line(match: re.Match[str], span: Span | None) -> _Line:
    if match["boot"] is not None:
        return _Line(float(match["boot"]), False, match[0])
    written: str | None = match["wall"] or match["iso"]
    formats: tuple[str, ...] = WALL_FORMATS
    if written is None:  # the journal leaves out the year
        year = datetime.datetime.fromtimestamp(span.end_s if span else 0.0, datetime.timezone.utc).year
        written, formats = f"{match['journal']} {year}", ("%b %d %H:%M:%S %Y",)
    for pattern in formats:
        try:
            moment = datetime.datetime.strptime(written, pattern).replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            continue
        return _Line(moment.timestamp(), True, match[0])
    return _Line(0.0, False, match[0])


def span_of(text: str) -> Span | None:
    """Return the times of the first and the last line that nnU-Net's log stamped; None if there is none."""
    stamps = _STAMP.findall(text)
    if not stamps:
        return None
    try:
        first, last = (
            datetime.datetime.fromisoformat(stamp).replace(tzinfo=datetime.timezone.utc).timestamp()
            for stamp in (stamps[0], stamps[-1])
        )
    except ValueError:
        return None
    return Span(min(first, last), max(first, last))
