"""Read the outputs of free, vmstat and ulimit, and the kernel's pressure files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.text_facts.readouts.values import KIB, WAITS, Fact, bytes_of
from holter.patterns import later

# Swap that is used but not read is no trouble: the kernel put aside what nobody needs. Only with full memory it is one.
SWAP_FULL = 0.8
MEMORY_FULL = 0.95
SWAPS = 1000.0  # KiB a second
# bash counts files in blocks of 1 KiB, dash and POSIX in blocks of 512 bytes.
BLOCK, POSIX_BLOCK = 1024.0, 512.0
# Letter of ulimit -> fact and the unit of the value.
LIMITS = {
    "n": ("fds.limit", 1.0), "v": ("limit.address_space_bytes", KIB), "f": ("limit.file_size_bytes", BLOCK),
    "t": ("limit.cpu_time_s", 1.0),
}  # fmt: skip
# As dash and POSIX write it.
NAMED = {
    "nofiles": "n",
    "vmemory(kbytes)": "v",
    "address space(kbytes)": "v",
    "file(blocks)": "f",
    "time(seconds)": "t",
}
# The rows of free in English, Chinese, German, Spanish, Portuguese, French and Japanese.
_MEMORY = later(
    r"^[ \t]*(?:Mem|内存|Speicher|Memoria|Memória|メモリ) ?[:：]((?:[ \t]+[\d.,]+[A-Za-z]*)+)", re.MULTILINE
)
_SWAP = later(
    r"^[ \t]*(?:Swap|交换|Auslager|Intercambio|Partition d'échange|スワップ) ?[:：][ \t]+(\S+)[ \t]+(\S+)[ \t]+(\S+)",
    re.MULTILINE,
)
PRESSURES = {("memory", "full"): "pressure.memory", ("io", "some"): "pressure.io", ("cpu", "some"): "pressure.cpu"}


def free(text: str) -> Iterator[Fact]:
    """Read ``free``, with or without the column "available"."""
    # The last column is what is available; people leave out columns in the middle, and old versions have none of it.
    memory = _MEMORY.search(text)
    columns = [bytes_of(column) for column in memory[1].split()] if memory is not None else []
    used_ratio = 0.0
    # Four columns: cut; six: as usual; seven: free -w, with buffers and cache apart.
    if memory is not None and len(columns) in (4, 6, 7) and columns[0]:
        before = re.search(r"^-/\+ buffers/cache:\s+\S+\s+(\S+)", text, re.MULTILINE)
        left = bytes_of(before[1]) if before is not None else columns[-1]
        if left is not None:
            used_ratio = round(min(1.0, max(0.0, 1 - left / columns[0])), 3)
            yield "memory.used_ratio", used_ratio, memory[0]
    swap = _SWAP.search(text)
    if swap is not None:
        total, used = bytes_of(swap[1]), bytes_of(swap[2])
        if total and used is not None and used / total >= SWAP_FULL and used_ratio >= MEMORY_FULL:
            yield "symptoms", ("swap-full",), swap[0]


def vmstat(text: str) -> Iterator[Fact]:
    """Read ``vmstat``; of several rows the first one is left out, because it covers the time since boot."""
    head = re.search(r"^[ \t]*r\s+b\s+(?:swpd|交换)\s.*$", text, re.MULTILINE)
    if head is None:
        return
    names = head[0].split()
    rows: list[tuple[dict[str, float], str]] = []
    for line in text[head.end() :].splitlines()[1:]:
        values = line.split()[: len(names)]
        if len(values) < len(names) or not all(value.lstrip("-").isdecimal() for value in values):
            break
        rows.append((dict(zip(names, map(float, values), strict=True)), line))
    for row, line in rows[1:]:
        if "wa" in row:
            yield "cpu.iowait_ratio", round(row["wa"] / 100, 3), line
        if row.get("wa", 0) >= WAITS:
            yield "symptoms", ("waits-for-disk",), line
        if row.get("si", 0) + row.get("so", 0) >= SWAPS:
            yield "swap.in_bytes_per_s", row.get("si", 0) * KIB, line
            yield "swap.out_bytes_per_s", row.get("so", 0) * KIB, line
        if "st" in row:
            yield "cpu.steal_ratio", round(row["st"] / 100, 3), line
        busy = row.get("us", 0) + row.get("sy", 0)
        if busy > 1:
            yield "cpu.host_busy_ratio", round(busy / 100, 3), line
            yield "cpu.system_ratio", round(row.get("sy", 0) / busy, 3), line


def ulimit(text: str) -> Iterator[Fact]:
    """Read ``ulimit -a`` of bash, zsh and dash, ``ulimit -v`` alone, and ways to print the limit of descriptors."""
    found = [
        (match["letter"], match["value"], match[0])
        for pattern in (
            r"^[ \t]*[A-Za-z][\w' /-]*\((?:[^()]*, )?-(?P<letter>\w)\)\s+(?P<value>\d+|unlimited)\s*$",
            r"^[ \t]*-(?P<letter>[a-z]): [a-z][\w ()/-]*?\s+(?P<value>\d+|unlimited)\s*$",  # zsh
            r"^.*\bulimit -(?:H|S)?(?P<letter>\w)\b[^\n]*\n\s*(?P<value>\d+|unlimited)\s*$",
        )
        for match in re.finditer(pattern, text, re.MULTILINE)
    ]
    for name, letter in NAMED.items():
        match = re.search(rf"^{re.escape(name)}\s+(\d+)\s*$", text, re.MULTILINE)
        if match is not None:
            scale = POSIX_BLOCK / BLOCK if letter == "f" else 1.0
            found.append((letter, str(int(int(match[1]) * scale)), match[0]))
    # ulimit -n; cat /proc/sys/fs/file-nr
    descriptors = re.search(r"^(\d+)\s*\n\d+\t0\t\d+\s*$", text, re.MULTILINE)
    if descriptors is not None:
        found.append(("n", descriptors[1], descriptors[0]))
    for letter, written, quote in found:
        if letter in LIMITS and written.isdecimal():
            name, unit = LIMITS[letter]
            unit = POSIX_BLOCK if letter == "f" and quote.lstrip().startswith("-f:") else unit
            yield name, int(written) if name == "fds.limit" else int(written) * unit, quote


def pressure(text: str) -> Iterator[Fact]:
    """Read ``cat /proc/pressure/…``: the resource is named in the command above it, or before the line."""
    named: list[str] = []
    for line in text.splitlines():
        mentioned = re.findall(r"pressure/(cpu|io|memory)", line)
        row = re.search(r"\b(some|full) avg10=(\d+(?:\.\d+)?) avg60=(\d+(?:\.\d+)?)", line)
        if row is None:
            named = mentioned or named
            continue
        here = mentioned[0] if mentioned else next(iter(named), None)
        if here is not None and (name := PRESSURES.get((here, row[1]))) is not None:
            yield name, round(max(float(row[2]), float(row[3])) / 100, 4), f"{here}: {line.strip()}"
        if row[1] == "full" and not mentioned:
            named = named[1:]
