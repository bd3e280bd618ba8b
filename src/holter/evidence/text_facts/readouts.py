"""The output of commands that Holter asks for, recognised anywhere in a pasted text.

Each reader finds its own output by lines that only this command writes, and returns facts as the recorder would measure
them: df, free, nproc, ulimit, nvidia-smi and nvidia-smi -q, ps, top, vmstat, iostat, lsblk, mount, py-spy dump,
files of control groups,
sacct, scontrol, docker inspect, pip and conda list, and environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence import frames
from holter.evidence.fact_book import Value
from holter.evidence.text_facts.known import Found
from holter.linux.mounts import is_remote
from holter.records import Frame, ThreadStack

UNITS = {"": 1.0, "B": 1.0, "K": 2.0**10, "M": 2.0**20, "G": 2.0**30, "T": 2.0**40, "P": 2.0**50}
KIB = 1024.0
MIB = 2.0**20
FULL = 0.98
SWAP_FULL = 0.8
WAITS = 15.0  # per cent of the CPU time that waits for storage
BUSY_DISK = 90.0
SWAPS = 1000.0  # KiB a second
HELD_MIB = 1000.0
HOT_C = 85.0
SYSTEM_FOLDERS = ("/proc/", "/sys/", "/dev/", "/run/")
VERSIONS = {
    "torch": "software.torch", "batchgenerators": "software.batchgenerators",
    "batchgeneratorsv2": "software.batchgeneratorsv2",
    "nnunetv2": "software.nnunetv2", "threadpoolctl": "software.threadpoolctl", "blosc2": "software.blosc2",
    "nvidia-cudnn-cu12": "software.cudnn", "nvidia-cudnn-cu11": "software.cudnn",
}  # fmt: skip
STATES = {
    "OUT_OF_MEMORY": (("oom.kills", 1), ("episode.kind", "death")),
    "TIMEOUT": (("main.time_limit", True), ("main.exit_signal", 15), ("episode.kind", "death")),
    "PREEMPTED": (("main.exit_signal", 15), ("episode.kind", "death")),
    "NODE_FAIL": (("main.exit_signal", 15), ("episode.kind", "death")),
    "CANCELLED": (("main.exit_signal", 15), ("episode.kind", "death")),
}  # fmt: skip

Fact = tuple[str, Value, str]


def read(text: str) -> Iterator[Found]:
    """Yield the facts of all outputs in a text."""
    for reader in READERS:
        for name, value, quote in reader(text):
            yield Found(name, value, " ".join(quote.split())[:160], 0)


def bytes_of(written: str) -> float | None:
    """Read a size such as ``64M``, ``1.5Gi`` or ``1024``; None if it is not one."""
    match = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*([BKMGTP]?)i?B?", written.strip(), re.IGNORECASE)
    return None if match is None else float(match[1].replace(",", ".")) * UNITS[match[2].upper()]


def _df(text: str) -> Iterator[Fact]:
    if re.search(r"^Filesystem\s|^文件系统\s", text, re.MULTILINE) is None:
        return
    is_inodes = re.search(r"^Filesystem\s.*Inodes", text, re.MULTILINE) is not None
    # Without -h, sizes are KiB.
    in_kib = re.search(r"1K-blocks|1K-块", text) is not None
    for match in re.finditer(r"^(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\d{1,3})%\s+(/\S*)\s*$", text, re.MULTILINE):
        size, used, mount = match[2], float(match[5]) / 100, match[6]
        total = bytes_of(size)
        if total is not None and in_kib:
            total *= KIB
        if mount == "/dev/shm":
            yield "shm.used_ratio", used, match[0]
            if total is not None:
                yield "shm.total_bytes", total, match[0]
        elif (
            used >= FULL and not mount.startswith(("/snap", "/boot", "/run", "/sys", "/proc")) and match[1] != "overlay"
        ):
            yield ("disk.error", "inodes", match[0]) if is_inodes else ("disk.full", True, match[0])
            yield "disk.folder", mount, match[0]


def _free(text: str) -> Iterator[Fact]:
    memory = re.search(r"^(?:Mem|内存)[:：]\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", text, re.MULTILINE)
    if memory is not None:
        total, available = bytes_of(memory[1]), bytes_of(memory[6])
        if total and available is not None:
            yield "memory.used_ratio", round(1 - available / total, 3), memory[0]
    swap = re.search(r"^(?:Swap|交换)[:：]\s+(\S+)\s+(\S+)\s+(\S+)", text, re.MULTILINE)
    if swap is not None:
        total, used = bytes_of(swap[1]), bytes_of(swap[2])
        if total and used is not None and used / total >= SWAP_FULL:
            yield "symptoms", ("swap-full",), swap[0]


def _nproc(text: str) -> Iterator[Fact]:
    match = re.search(r"(?:^|[$#] )nproc\s*\n\s*(\d{1,4})\s*$", text, re.MULTILINE)
    if match is not None:
        yield "cpu.effective", int(match[1]), match[0]
    visible = re.search(r"^CPU\(s\):\s+(\d+)", text, re.MULTILINE)
    if visible is not None:
        yield "cpu.visible", int(visible[1]), visible[0]


def _ulimit(text: str) -> Iterator[Fact]:
    match = re.search(r"^open files\s+\(-n\)\s+(\d+)", text, re.MULTILINE)
    if match is not None:
        yield "fds.limit", int(match[1]), match[0]


def _nvidia_smi(text: str) -> Iterator[Fact]:
    if "NVIDIA-SMI" not in text:
        return
    driver = re.search(r"Driver Version:\s*([\d.]+)", text)
    if driver is not None:
        yield "software.driver", driver[1], driver[0]
    yield "gpu.present", True, "NVIDIA-SMI"
    used = [(float(m[1]), float(m[2]), m[0]) for m in re.finditer(r"(\d+)\s*MiB\s*/\s*(\d+)\s*MiB", text)]
    if used:
        most = max(used, key=lambda row: row[0] / max(1.0, row[1]))
        yield "gpu.memory_ratio", round(most[0] / max(1.0, most[1]), 3), most[2]
        is_empty = re.search(r"No running processes found", text) is not None
        if is_empty and most[0] >= HELD_MIB:
            yield "gpu.zombie_bytes", most[0] * MIB, f"{most[2]}; No running processes found"
    busy = [float(m[1]) for m in re.finditer(r"\|\s+(\d{1,3})%\s+(?:Default|E\. ?Process|Prohibited|N/A)", text)]
    if busy:
        yield "gpu.utilization_ratio", max(busy) / 100, f"{max(busy):.0f}%"
    if re.search(r"\bERR!", text):
        yield "gpu.trouble", "lost", "ERR!"
    degrees = [float(m[1]) for m in re.finditer(r"\|\s*\S+\s+(\d{2,3})C\s+P\d", text)]
    if degrees:
        yield "gpu.temperature_c", max(degrees), f"{max(degrees):.0f} C"
        if max(degrees) >= HOT_C:
            yield "symptoms", ("hot",), f"{max(degrees):.0f} C"
    if re.search(r"E\. ?Process", text):
        yield "symptoms", ("others-use-gpu",), "E. Process"


def _nvidia_smi_q(text: str) -> Iterator[Fact]:
    mode = re.search(r"Virtualization Mode\s*:\s*([^\n]+)", text)
    if mode is not None:
        modes = {
            "vgpu": "vgpu",
            "pass-through": "pass-through",
            "none": "none",
            "host vgpu": "host-vgpu",
            "host vsga": "host-vsga",
        }
        name = modes.get(mode[1].strip().lower())
        if name is not None:
            yield "gpu.virtualization", name, mode[0]
    licence = re.search(r"License Status\s*:\s*((?:Unl|L)icensed(?: \([^)\n]*\))?)", text)
    if licence is not None:
        yield "gpu.licence_text", licence[1], licence[0]
    slow = re.search(r"(?:HW (?:Thermal |Power Brake )?Slowdown|SW Thermal Slowdown)\s*:\s*Active", text)
    if slow is not None:
        yield "gpu.throttled", True, slow[0]
    degrees = re.search(r"GPU Current Temp\s*:\s*(\d+) C", text)
    if degrees is not None:
        yield "gpu.temperature_c", float(degrees[1]), degrees[0]
    link = re.search(r"Link Width\s*\n\s*Max\s*:\s*(\d+)x\s*\n\s*Current\s*:\s*(\d+)x", text)
    if link is not None:
        yield "gpu.pcie_ratio", round(float(link[2]) / float(link[1]), 3), link[0]


def _ps(text: str) -> Iterator[Fact]:
    if re.search(r"^\s*(?:USER\s+PID|F\s+S\s+UID|UID\s+PID|PID\s+\S+)", text, re.MULTILINE) is None:
        return
    stopped, blocked = [], []
    for line in text.splitlines():
        columns = line.split(None, 10)
        if len(columns) < 8 or ("python" not in line and "nnUNet" not in line) or not columns[1].isdecimal():
            continue
        state = columns[7]
        if re.fullmatch(r"[Tt][sl<N+]*", state):
            stopped.append(f"python (PID {columns[1]})")
        elif re.fullmatch(r"D[sl<N+]*", state):
            blocked.append(f"python (PID {columns[1]})")
    if stopped:
        yield "workers.stopped", tuple(stopped), ", ".join(stopped)
        yield "episode.kind", "stall", ", ".join(stopped)
    if blocked:
        yield "workers.blocked", tuple(blocked), ", ".join(blocked)


def _top(text: str) -> Iterator[Fact]:
    match = re.search(r"%?Cpu\(s\):?\s*([\d.]+)[ %]*us,\s*([\d.]+)[ %]*sy,.*?([\d.]+)[ %]*wa", text)
    if match is not None:
        busy, system, waiting = (float(match[group]) for group in (1, 2, 3))
        yield "cpu.host_busy_ratio", round((busy + system) / 100, 3), match[0]
        if busy + system > 1:
            yield "cpu.system_ratio", round(system / (busy + system), 3), match[0]
        if waiting >= WAITS:
            yield "symptoms", ("waits-for-disk",), match[0]


def _vmstat(text: str) -> Iterator[Fact]:
    head = re.search(r"^\s*r\s+b\s+swpd.*$", text, re.MULTILINE)
    if head is None:
        return
    names = head[0].split()
    for line in text[head.end() :].splitlines()[1:]:
        values = line.split()
        if len(values) < len(names) or not all(value.lstrip("-").isdecimal() for value in values[: len(names)]):
            break
        row = dict(zip(names, map(float, values), strict=False))
        if row.get("wa", 0) >= WAITS:
            yield "symptoms", ("waits-for-disk",), line
        if row.get("si", 0) + row.get("so", 0) >= SWAPS:
            yield "swap.in_bytes_per_s", row.get("si", 0) * KIB, line
            yield "swap.out_bytes_per_s", row.get("so", 0) * KIB, line


def _iostat(text: str) -> Iterator[Fact]:
    head = re.search(r"^Device.*%util.*$", text, re.MULTILINE)
    if head is None:
        return
    place = head[0].split().index("%util")
    for line in text[head.end() :].splitlines():
        values = line.split()
        if len(values) > place and re.fullmatch(r"[\d.]+", values[place]) and float(values[place]) >= BUSY_DISK:
            yield "symptoms", ("waits-for-disk",), line


def _lsblk(text: str) -> Iterator[Fact]:
    head = re.search(r"^NAME.*\bROTA\b.*$", text, re.MULTILINE)
    if head is not None and re.search(r"^\S+.*\s1\s", text[head.end() :], re.MULTILINE):
        yield "symptoms", ("slow-disk",), head[0]


def _mount(text: str) -> Iterator[Fact]:
    for match in re.finditer(r"^(\S+) on (/\S*) type (\S+) \(([^)]*)\)", text, re.MULTILINE):
        kind, options = match[3], match[4].split(",")
        # "autofs" and mounts in the system's own folders (fusectl, gvfs) are on every machine.
        if is_remote(kind) and kind != "autofs" and not match[2].startswith(SYSTEM_FOLDERS):
            yield "storage.fs_type", kind, match[0]
            if "ro" in options:
                yield "disk.read_only", True, match[0]


def _groups(text: str) -> Iterator[Fact]:
    quota = re.search(r"cpu\.max[^\n]*\n\s*(\d+) (\d+)\s*$", text, re.MULTILINE)
    if quota is not None:
        yield "cpu.quota", round(float(quota[1]) / float(quota[2]), 2), quota[0]
    periods = re.search(r"^nr_periods (\d+)\s*\nnr_throttled (\d+)", text, re.MULTILINE)
    if periods is not None and int(periods[1]):
        yield "cpu.throttled_ratio", round(int(periods[2]) / int(periods[1]), 3), periods[0]
    kills = re.search(r"^oom_kill (\d+)", text, re.MULTILINE)
    if kills is not None:
        yield "oom.kills", int(kills[1]), kills[0]


def _slurm(text: str) -> Iterator[Fact]:
    found = re.search(r"JobState=(\w+)", text)
    if found is None and re.search(r"^\s*JobID\s", text, re.MULTILINE):
        found = re.search(r"\b(OUT_OF_ME\w*|TIMEOUT|PREEMPTED|NODE_FAIL|CANCELLED)\b", text)
    if found is not None:
        state = "OUT_OF_MEMORY" if found[1].startswith("OUT_OF_ME") else found[1]
        for name, value in STATES.get(state, ()):
            yield name, value, found[0]
    cpus = re.search(r"\bNumCPUs=(\d+)", text)
    if cpus is not None:
        yield "setting.slurm_cpus", int(cpus[1]), cpus[0]


def _docker(text: str) -> Iterator[Fact]:
    size = re.search(r'"ShmSize":\s*(\d+)', text)
    if size is not None:
        yield "shm.total_bytes", float(size[1]), size[0]
        yield "system.container", "docker", size[0]
    if re.search(r'"OOMKilled":\s*true', text):
        yield "oom.kills", 1, '"OOMKilled": true'
        yield "episode.kind", "death", '"OOMKilled": true'
    cpus = re.search(r'"NanoCpus":\s*([1-9]\d+)', text)
    if cpus is not None:
        yield "cpu.quota", float(cpus[1]) / 1e9, cpus[0]


def _packages(text: str) -> Iterator[Fact]:
    for match in re.finditer(r"^([A-Za-z0-9_.-]+)(?:\s+|==)(\d[\w.+!-]*)(?:\s|$)", text, re.MULTILINE):
        name = VERSIONS.get(match[1].lower().replace("_", "-"))
        if name is not None:
            yield name, match[2], match[0]


def _variables(text: str) -> Iterator[Fact]:
    match = re.search(r"^(?:export )?NCCL_P2P_DISABLE=(\d)", text, re.MULTILINE)
    if match is not None:
        yield "setting.nccl_p2p", match[1] == "0", match[0]
    cpus = re.search(r"^(?:export )?SLURM_CPUS_PER_TASK=(\d+)", text, re.MULTILINE)
    if cpus is not None:
        yield "setting.slurm_cpus", int(cpus[1]), cpus[0]


# Thread 7537 (idle): "MainThread"
_THREAD = re.compile(r'^Thread \S+ \((?P<state>[\w+]+)\)(?:: "(?P<name>[^"]*)")?\s*$')
_FRAME = re.compile(r"^ {4}(?P<function>\S.*?) \((?P<file>[^()]+?)(?::(?P<line>\d+))?\)\s*$")


def _py_spy(text: str) -> Iterator[Fact]:
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


READERS = (
    _df, _free, _nproc, _ulimit, _nvidia_smi, _nvidia_smi_q, _ps, _top, _vmstat, _iostat, _lsblk, _mount, _groups,
    _slurm, _docker, _packages, _variables, _py_spy,
)  # fmt: skip
