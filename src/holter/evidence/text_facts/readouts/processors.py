"""Read the outputs of nproc and lscpu, the head of top, and files of control groups."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.text_facts.readouts.memory import MEMORY_FULL, SWAP_FULL
from holter.evidence.text_facts.readouts.values import NUMBER, WAITS, Fact, answer_of, number


def counts(text: str) -> Iterator[Fact]:
    """Read ``nproc`` (with ``--all``) and ``lscpu``."""
    both = re.search(r"^.*\bnproc; ?nproc --all[^\n]*\n\s*(\d{1,4})\s*\n\s*(\d{1,4})\s*$", text, re.MULTILINE)
    if both is not None:
        yield "cpu.effective", int(both[1]), both[0]
        yield "cpu.visible", int(both[2]), both[0]
    for command, name in (("nproc", "cpu.effective"), ("nproc --all", "cpu.visible")):
        match = answer_of(command, text)
        if match is not None and match["answer"].isdecimal():
            yield name, int(match["answer"]), match[0]
    visible = re.search(
        r"^CPU\(s\)[:：]\s+(\d+)|^CPU:\s{2,}(\d+)|^Linux \S+ \([^()\n]*\)[^\n]*\((\d+) CPU\)", text, re.MULTILINE
    )
    if visible is not None:
        yield "cpu.visible", int(visible[1] or visible[2] or visible[3]), visible[0]


def load(text: str) -> Iterator[Fact]:
    """Read the load of the last minute, as ``uptime``, ``w``, ``top`` and ``/proc/loadavg`` have it."""
    match = re.search(r"\bload averages?: (\d+[.,]\d\d?),? +\d+[.,]\d\d?,? +\d+[.,]\d\d?", text)
    match = match or re.search(r"^(\d+\.\d\d) \d+\.\d\d \d+\.\d\d \d+/\d+ \d+\s*$", text, re.MULTILINE)
    if match is not None:
        yield "cpu.load", float(match[1].replace(",", ".")), match[0]


def sysstat(text: str) -> Iterator[Fact]:
    """Read the shares of CPU time in ``iostat``, ``mpstat`` and ``sar``; not those since boot."""
    rows = [row for head in re.finditer(r"^.*%iowait.*%steal.*$", text, re.MULTILINE) for row in _shares(text, head)]
    average = [row for row in rows if row[2].startswith("Average:")]
    since_boot = re.search(r"^Linux \S+ \(.*\bCPU\)", text, re.MULTILINE) is not None
    for waiting, stolen, line in (average or (rows[1:] if since_boot else rows))[:1]:
        yield "cpu.iowait_ratio", round(waiting / 100, 3), line
        yield "cpu.steal_ratio", round(stolen / 100, 3), line
        if waiting >= WAITS:
            yield "symptoms", ("waits-for-disk",), line


# Per cent of iowait and steal in the rows below a head that are for all CPUs.
def _shares(text: str, head: re.Match[str]) -> Iterator[tuple[float, float, str]]:
    names = head[0].removeprefix("avg-cpu:").split()
    for line in text[head.end() + 1 :].splitlines():
        values = line.split()
        if len(values) != len(names):
            return
        row = dict(zip(names, values, strict=True))
        if row.get("CPU", "all") == "all" and all(re.fullmatch(NUMBER, row[n]) for n in ("%iowait", "%steal")):
            yield number(row["%iowait"]), number(row["%steal"]), line


def top(text: str) -> Iterator[Fact]:
    """Read the lines of ``top`` about CPUs and swap."""
    match = re.search(rf"%?Cpu\(s\):?\s*({NUMBER})[ %]*us,\s*({NUMBER})[ %]*sy,.*?({NUMBER})[ %]*wa", text)
    if match is not None:
        busy, system, waiting = (number(match[group]) for group in (1, 2, 3))
        yield "cpu.host_busy_ratio", round((busy + system) / 100, 3), match[0]
        if busy + system > 1:
            yield "cpu.system_ratio", round(system / (busy + system), 3), match[0]
        yield "cpu.iowait_ratio", round(waiting / 100, 3), match[0]
        if waiting >= WAITS:
            yield "symptoms", ("waits-for-disk",), match[0]
        stolen = re.search(rf"({NUMBER})[ %]*st\b", text[match.end() :].partition("\n")[0])
        if stolen is not None:
            yield "cpu.steal_ratio", round(number(stolen[1]) / 100, 3), f"{match[0]} … {stolen[0]}"
    parts = [rf"({NUMBER})[+ ]*{part}" for part in ("total,", "free,", "used[.,]", "(avail|buff)")]
    row = r"^([KMG])iB {}\s*:\s*" + r"\s*".join(parts)
    memory, swap = (re.search(row.replace("{}", name), text, re.MULTILINE) for name in ("Mem", "Swap"))
    if memory is not None and swap is not None and swap[6] == "avail" and number(memory[2]):
        used = round(1 - number(swap[5]) / number(memory[2]), 3)
        yield "memory.used_ratio", min(1.0, max(0.0, used)), f"{memory[0]} … {swap[0]}"
        is_full = used >= MEMORY_FULL and number(swap[2]) and number(swap[4]) / number(swap[2]) >= SWAP_FULL
        if is_full:
            yield "symptoms", ("swap-full",), swap[0]


def groups(text: str) -> Iterator[Fact]:
    """Read files of control groups: cpu.max, cpu.stat, cpu.cfs_quota_us, memory.events."""
    quota = re.search(r"(?:cpu\.max[^\n]*\n\s*|^)(\d{3,}) (\d{4,7})\s*$", text, re.MULTILINE)
    if quota is not None:
        yield "cpu.quota", round(float(quota[1]) / float(quota[2]), 2), quota[0]
    old = re.search(r"^[^\n]*cpu\.cfs_quota_us\s*\n\s*(\d+)\s*$", text, re.MULTILINE)
    if old is not None:
        yield "cpu.quota", int(old[1]) / 100_000, old[0]
    periods = re.search(r"^nr_periods (\d+)\s*\nnr_throttled (\d+)", text, re.MULTILINE)
    if periods is not None and int(periods[1]):
        yield "cpu.throttled_ratio", round(int(periods[2]) / int(periods[1]), 3), periods[0]
    kills = re.search(r"^oom_kill (\d+)", text, re.MULTILINE)
    # /proc/vmstat counts those of the whole machine since it was started.
    if kills is not None and re.search(r"^(?:nr_free_pages|pgfault|drop_slab) \d", text, re.MULTILINE) is None:
        yield "oom.kills", int(kills[1]), kills[0]
