"""Read process lists of ps and top, by the names of their columns, and stacks of ``py-spy dump``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from holter.evidence import frames
from holter.evidence.text_facts.readouts import processors
from holter.evidence.text_facts.readouts.values import NUMBER, Fact, number
from holter.patterns import later
from holter.records import Frame, ThreadStack

# Names of one column in ps and top.
STATES, CPU, NAMES = ("STAT", "S"), ("%CPU", "C", "CPU"), ("COMMAND", "CMD", "ARGS", "Command")
TRAINS = later(r"python|nnUNet|torchrun|pt_main")
# Per cent of one CPU: at work.
WORKS = 50.0
# Others that take this share of the CPUs, or this many of an unknown number.
MUCH, MANY = 0.25, 2.0
MOST_NAMED = 3
# htop marks the column that it sorts by, and leaves no blank there.
SORTED_BY = later(r"\b(CPU)%[-+△▽▲▼ ]*MEM%[-+△▽▲▼]?")
DAY = later(r"Mon|Tue|Wed|Thu|Fri|Sat|Sun")
# Columns that lstart fills: "Sun Nov 29 08:05:22 2026".
START_WORDS = 5


class Process(NamedTuple):
    """One row of ``ps`` or ``top``: one process. ``cpu`` is in per cent of one core."""

    pid: str
    user: str
    state: str
    cpu: float
    command: str
    line: str


def ps(text: str) -> Iterator[Fact]:
    """Read rows of processes: which Python processes are stopped or blocked, and which other processes use the CPU."""
    rows = [*_rows(text)]
    ours = [row for row in rows if TRAINS.search(row.command)]
    for fact, letters in (("workers.stopped", "Tt"), ("workers.blocked", "D")):
        some = tuple(
            dict.fromkeys(f"python (PID {row.pid})" for row in ours if re.fullmatch(rf"[{letters}][sl<N+]*", row.state))
        )
        if some:
            yield fact, some, ", ".join(some)
        if some and fact == "workers.stopped":
            yield "episode.kind", "stall", ", ".join(some)
    if any("nnUNet" in row.command for row in ours):
        yield "scope.nnunet", True, "nnUNet"
    yield from _others(rows, ours, text)


# Processes of other users that compute; of the machine's CPUs they use a share if the text shows how many there are.
def _others(rows: list[Process], ours: list[Process], text: str) -> Iterator[Fact]:
    own = {row.user for row in ours if "nnUNet" in row.command} or {row.user for row in ours if row.cpu >= WORKS}
    own = own or {row.user for row in ours}
    if len(own) != 1 or "" in own:
        return
    others = sorted(
        (row for row in rows if row.user not in (*own, "USER") and row.cpu >= WORKS), key=lambda row: -row.cpu
    )
    used = sum(row.cpu for row in others) / 100
    cpus = _cpus(rows, text)
    named = tuple(f"{row.command.split()[0]} ({row.user}): {row.cpu / 100:.1f}" for row in others if row.command)
    if others and (used >= MANY or (cpus is not None and used >= MUCH * cpus)):
        yield "host.others", named[:MOST_NAMED], "; ".join(row.line for row in others[:MOST_NAMED])
    if cpus is not None:
        share = round(min(1.0, used / cpus), 3)
        yield "host.others_cpu_ratio", share, "; ".join(row.line for row in others[:MOST_NAMED])
        if share >= MUCH:
            yield "symptoms", ("others-use-cpu",), "; ".join(row.line for row in others[:MOST_NAMED])


# As ``nproc`` says, or as the busy CPUs and their share in the head of ``top`` let it be reckoned.
def _cpus(rows: list[Process], text: str) -> float | None:
    known = {name: value for name, value, _ in processors.counts(text)}
    count = known.get("cpu.visible", known.get("cpu.effective"))
    if isinstance(count, int):
        return float(count)
    busy = next((value for name, value, _ in processors.top(text) if name == "cpu.host_busy_ratio"), None)
    used = sum(row.cpu for row in rows) / 100
    return used / busy if isinstance(busy, float) and busy > 0 and used >= 1 else None


def _rows(text: str) -> Iterator[Process]:
    names: list[str] = []
    for line in text.splitlines():
        words = SORTED_BY.sub(r"%\1 %MEM", line).strip().lstrip("|").split()
        if "PID" in words and len(words) >= 3 and any(name in words for name in (*STATES, *CPU, *NAMES)):
            names = words
            continue
        if not names or len(words) < len(names):
            names = names if not words or not names else []
            continue
        row = _filled(names, words)
        if row is None:
            names = []
            continue
        command = next((row[name] for name in NAMES if name in row), "")
        yield Process(
            pid=row["PID"], user=row.get("USER", row.get("UID", "")), line=line.strip(), command=command,
            state=next((row[name] for name in STATES if name in row), ""),
            cpu=next((number(row[name]) for name in CPU if re.fullmatch(NUMBER, row.get(name, ""))), 0.0),
        )  # fmt: skip


# The last column takes the rest of the line, and the start of a process may have five words.
def _filled(names: list[str], words: list[str]) -> dict[str, str] | None:
    row: dict[str, str] = {}
    left = words
    for place, name in enumerate(names):
        many = START_WORDS if name in ("STARTED", "START") and left and DAY.fullmatch(left[0]) else 1
        many = len(left) if place == len(names) - 1 else many
        row[name], left = " ".join(left[:many]), left[many:]
    return row if row.get("PID", "").isdecimal() else None


# Thread 7537 (idle): "MainThread"
_THREAD = later(r'^\s*Thread \S+ \((?P<state>[\w+]+)\)(?:: "(?P<name>[^"]*)")?\s*$')
_FRAME = later(r"^\s{2,}(?P<function>\S.*?) \((?P<file>[^()]+?)(?::(?P<line>\d+))?\)\s*$")


def py_spy(text: str) -> Iterator[Fact]:
    """Read the main thread of the first process of ``py-spy dump``."""
    stack: list[Frame] | None = None
    for line in (*text.splitlines(), ""):
        head = _THREAD.match(line)
        frame = _FRAME.match(line) if stack is not None else None
        if frame is not None and stack is not None:
            stack.append(Frame(function=frame["function"], file=frame["file"], line=int(frame["line"] or 0) or None))
        elif stack:
            place = frames.place(ThreadStack(name="MainThread", frames=tuple(stack)))
            if place is not None:
                yield "main.waits_on", place[0], place[1]
                yield "main.where", place[1], place[1]
            return
        if head is not None and (head["name"] in (None, "MainThread")):
            stack = []
