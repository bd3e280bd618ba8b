"""Read the outputs of nvidia-smi: its table, ``-q``, and ``--query-gpu=… --format=csv``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.text_facts.readouts.values import MIB, UNITS, Fact
from holter.patterns import later

HELD_MIB = 1000.0
HOT_C = 85.0
# An idle GPU lowers its clock by itself.
BUSY = 0.5
# A virtual GPU by the name of its profile.
PROFILE = later(r"\b(?:GRID |NVIDIA |Tesla )*(?:RTX ?)?[A-Z]{0,2}\d{0,4}[A-Z]{0,4}-\d{1,3}[QCAB]\b")
MODES = {
    "vgpu": "vgpu", "pass-through": "pass-through", "none": "none", "host vgpu": "host-vgpu", "host vsga": "host-vsga",
}  # fmt: skip
# Fields of one GPU that hold an error instead of a value.
UNREADABLE = 3
SLOWING = ("HW Slowdown", "HW Thermal Slowdown", "HW Power Brake Slowdown", "SW Thermal Slowdown")


def table(text: str) -> Iterator[Fact]:
    """Read the table that ``nvidia-smi`` prints."""
    if re.search(r"^No devices were found", text, re.MULTILINE):
        yield "gpu.present", False, "No devices were found"
        yield "gpu.trouble", "lost", "No devices were found"
    if "NVIDIA-SMI" not in text or re.search(r"Driver Version\s*:", text) is None:
        return
    driver = re.search(r"Driver Version:\s*([\d.]+)", text)
    if driver is not None:
        yield "software.driver", driver[1], driver[0]
    yield "gpu.present", True, "NVIDIA-SMI"
    rows = "\n".join(line for line in text.splitlines() if line.lstrip().startswith("|"))
    yield from _name(
        next((match[1] for match in re.finditer(r"^[ \t]*\|\s+\d+\s+(\S.*?)\s+(?:On|Off|N/A)\s*\|", rows, re.M)), "")
    )
    busy = [float(m[1]) for m in re.finditer(r"\|\s+(\d{1,3})%\s+(?:Default|E\. ?Process|Prohibited|N/A)", rows)]
    if busy:
        yield "gpu.utilization_ratio", max(busy) / 100, f"{max(busy):.0f}%"
    used = [(float(m[1]), float(m[2]), m[0]) for m in re.finditer(r"(\d+)\s*MiB\s*/\s*(\d+)\s*MiB", rows)]
    if used:
        most = max(used, key=lambda row: row[0] / max(1.0, row[1]))
        yield "gpu.memory_ratio", round(most[0] / max(1.0, most[1]), 3), most[2]
        # In a container the table lists no process; there it says nothing while the GPU works, or if nobody knows that:
        # of a divided GPU (MIG) no utilisation is printed.
        is_empty = re.search(r"No running processes found", rows) is not None
        if is_empty and most[0] >= HELD_MIB and busy and not any(busy):
            yield "gpu.zombie_bytes", most[0] * MIB, f"{most[2]}; No running processes found"
    if _is_unreadable(rows):
        yield "gpu.trouble", "lost", "ERR!"
    errors = [(int(m[1]), m[0]) for m in re.finditer(r"\|\s+\S+:\d\d:\d\d\.\d \S+\s+\|\s+(\d+) \|", rows)]
    if errors:
        yield "gpu.memory_errors", max(errors)[0], max(errors)[1]
    yield from _crowd(rows)
    degrees = [float(m[1]) for m in re.finditer(r"\|\s*\S+\s+(\d{2,3})C\s+P\d", rows)]
    if degrees:
        yield from _degrees(max(degrees), f"{max(degrees):.0f} C")
    if re.search(r"E\. ?Process", rows):
        yield "symptoms", ("others-use-gpu",), "E. Process"
    if re.search(r"\|\s+Enabled \|\s*$|^\s*\| MIG devices", rows, re.M):
        yield "gpu.mig", True, "MIG M.: Enabled"


# A training computes in one process: of two large ones on one GPU, or one slice of it, one is not of this training.
def _crowd(rows: str) -> Iterator[Fact]:
    place = r"\|\s+(?P<place>\d+(?:\s+(?:\d+|N/A){1}\s+(?:\d+|N/A))?)"
    row = rf"{place}\s+(?P<pid>\d+)\s+C\s+(?P<name>\S.*?)\s+(?P<mib>\d+)MiB \|"
    on: dict[str, list[str]] = {}
    for match in re.finditer(row, rows):
        if float(match["mib"]) >= HELD_MIB:
            on.setdefault(" ".join(match["place"].split()), []).append(f"{match['name']} (PID {match['pid']})")
    crowded = max(on.values(), key=len, default=[])
    if len(crowded) > 1:
        yield "gpu.foreign_processes", tuple(crowded), ", ".join(crowded)


# A card whose fan or power cannot be read works on; one that is gone has neither memory nor utilisation.
def _is_unreadable(rows: str) -> bool:
    return any(
        line.count("ERR!") >= UNREADABLE or ("ERR!" in line and "MiB" not in line and "%" not in line)
        for line in rows.splitlines()
        if re.search(r"\bERR!", line) and " / " in line
    )


def query(text: str) -> Iterator[Fact]:
    """Read ``nvidia-smi -q``, whole or only some lines of it."""
    mode = re.search(r"Virtualization Mode\s*:\s*([^\n]+)", text)
    if mode is not None and (name := MODES.get(mode[1].strip().lower())) is not None:
        yield "gpu.virtualization", name, mode[0]
    licence = re.search(r"License Status\s*:\s*((?:Unl|L)icensed(?: \([^)\n]*\))?)", text)
    if licence is not None:
        yield "gpu.licence_text", licence[1], licence[0]
    # The product of the licence has a line of the same name.
    name_line = re.search(r"(?<!Licensed Product\n)^[ \t]*Product Name\s*:\s*(.+)$", text, re.M)
    if name_line is not None and mode is None:
        yield from _name(name_line[1].strip())
    driver = re.search(r"^Driver Version\s*:\s*([\d.]+)", text, re.M)
    if driver is not None:
        yield "software.driver", driver[1], driver[0]
    # Every GPU that works hard reaches its power limit: that alone slows nothing down.
    reasons = tuple(name for name in (*SLOWING, "SW Power Cap") if re.search(rf"{name}\s*:\s*Active", text) is not None)
    if any(name in SLOWING for name in reasons):
        yield "gpu.clock_reasons", reasons, ", ".join(reasons)
    if any(name in SLOWING for name in reasons):
        yield "gpu.throttled", True, ", ".join(reasons)
    degrees = re.search(r"GPU Current Temp\s*:\s*(\d+) C", text)
    if degrees is not None:
        yield from _degrees(float(degrees[1]), degrees[0])
    yield from _shares(text)
    # Errors that a restart of the driver has passed, below "Aggregate", are over.
    volatile = re.search(r"^[ \t]*Volatile\s*\n((?:(?![ \t]*Aggregate).*\n)*)", text, re.M)
    counted = (
        re.findall(r"(?:Uncorrectable[^:\n]*|Double Bit[\s\S]*?Total)\s*:\s*(\d+)", volatile[1]) if volatile else []
    )
    if volatile is not None and counted:
        yield "gpu.memory_errors", sum(map(int, counted)), "Volatile ECC errors: Uncorrectable"
    if re.search(r"MIG Mode\s*\n\s*Current\s*:\s*Enabled", text):
        yield "gpu.mig", True, "MIG Mode Current : Enabled"


def _shares(text: str) -> Iterator[Fact]:
    link = re.search(r"Link Width\s*\n\s*Max\s*:\s*(\d+)x\s*\n\s*Current\s*:\s*(\d+)x", text)
    if link is not None:
        yield "gpu.pcie_ratio", round(float(link[2]) / float(link[1]), 3), link[0]
    busy = re.search(r"^[ \t]*Utilization\s*\n\s*Gpu\s*:\s*(\d+) %", text, re.M | re.I)
    if busy is not None:
        yield "gpu.utilization_ratio", float(busy[1]) / 100, busy[0]
    held = re.search(
        r"FB Memory Usage\s*\n\s*Total\s*:\s*(\d+) MiB(?:\s*\n\s*Reserved[^\n]*)?\s*\n\s*Used\s*:\s*(\d+) MiB", text
    )
    if held is not None and float(held[1]):
        yield "gpu.memory_ratio", round(float(held[2]) / float(held[1]), 3), held[0]
    draw = re.search(r"(?:Average |Instantaneous )?Power Draw\s*:\s*(\d+(?:\.\d+)?) W", text)
    limit = re.search(r"(?:Current|Enforced) Power Limit\s*:\s*(\d+(?:\.\d+)?) W", text)
    if draw is not None and limit is not None and float(limit[1]):
        yield "gpu.power_ratio", round(float(draw[1]) / float(limit[1]), 3), f"{draw[0]}; {limit[0]}"
    clock = re.search(r"^[ \t]*Clocks[ \t]*\n\s*Graphics\s*:\s*\d+ MHz\s*\n\s*SM\s*:\s*(\d+) MHz", text, re.M)
    most = re.search(r"Max Clocks\s*\n\s*Graphics\s*:\s*\d+ MHz\s*\n\s*SM\s*:\s*(\d+) MHz", text)
    if clock is not None and most is not None and busy is not None and float(busy[1]) >= 100 * BUSY:
        yield "gpu.clock_ratio", round(float(clock[1]) / float(most[1]), 3), f"SM {clock[1]} of {most[1]} MHz"


# What the licence service of a guest, or the manager of its host, wrote last.
_LICENCE_LOG = later(
    r"^[^\n]{0,60}?(?:(?P<none>Valid (?:GRID|vGPU) license not found|Failed to acquire license from)"
    r"|(?P<got>License (?:acquired|renewed) successfully)"
    r"|vGPU license state: (?P<state>(?:Unl|L)icensed(?: \([^)\n]*\))?)).*$",
    re.MULTILINE,
)


def licence_log(text: str) -> Iterator[Fact]:
    """Read the log of nvidia-gridd, and of a host's vGPU manager: the last line on the licence counts."""
    lines = [*_LICENCE_LOG.finditer(text)]
    if not lines:
        return
    last = lines[-1]
    yield "gpu.virtualization", "vgpu", last[0]
    yield "gpu.licence_text", last["state"] or ("Licensed" if last["got"] else "Unlicensed"), last[0]


def csv(text: str) -> Iterator[Fact]:
    """Read ``nvidia-smi --query-gpu=name,… --format=csv``: the names of the columns are in its first line."""
    head = re.search(
        r"^(?=.*(?:driver_version|utilization\.gpu|memory\.used|clocks_(?:event|throttle)_reasons|\bname\b.*,|temperature\.gpu|pcie\.link)).*,.*$",
        text,
        re.M,
    )
    if head is None or not re.fullmatch(r"[a-z_.]+(?: \[\S+\])?(?:, [a-z_.]+(?: \[\S+\])?)+", head[0].strip()):
        return
    names = [name.split(" ")[0] for name in head[0].strip().split(", ")]
    for line in text[head.end() + 1 :].splitlines()[:1]:
        values = dict(zip(names, line.split(", "), strict=False))
        if len(values) != len(names):
            return
        yield from _name(values.get("name", ""))
        if re.fullmatch(r"[\d.]+", values.get("driver_version", "")):
            yield "software.driver", values["driver_version"], line
        for name, fact in (("utilization.gpu", "gpu.utilization_ratio"),):
            if (value := _number(values.get(name))) is not None:
                yield fact, value / 100, line
        total, used = _number(values.get("memory.total")), _number(values.get("memory.used"))
        if total and used is not None:
            yield "gpu.memory_ratio", round(used / total, 3), line
        if (degrees := _number(values.get("temperature.gpu"))) is not None:
            yield from _degrees(degrees, line)
        width, widest = _number(values.get("pcie.link.width.current")), _number(values.get("pcie.link.width.max"))
        if width is not None and widest:
            yield "gpu.pcie_ratio", round(width / widest, 3), line
        yield from _slowing(values, line)
        draw, limit = _number(values.get("power.draw")), _number(values.get("power.limit"))
        if draw is not None and limit:
            yield "gpu.power_ratio", round(draw / limit, 3), line


# One column for each reason, or one with a bit for each; bits as in nvml.h, nvmlClocksEventReasonHwSlowdown and so on.
BITS = {"HW Slowdown": 0x8, "SW Thermal Slowdown": 0x20, "HW Thermal Slowdown": 0x40, "HW Power Brake Slowdown": 0x80}


def _slowing(values: dict[str, str], line: str) -> Iterator[Fact]:
    found = []
    for reason, bit in BITS.items():
        column = reason.lower().replace(" ", "_")
        for prefix in ("clocks_event_reasons.", "clocks_throttle_reasons."):
            mask = values.get(f"{prefix}active", "")
            is_set = re.fullmatch(r"0x[0-9a-fA-F]+", mask) is not None and int(mask, 16) & bit
            if is_set or values.get(f"{prefix}{column}") == "Active":
                found.append(reason)
    if found:
        yield "gpu.clock_reasons", tuple(dict.fromkeys(found)), line
        yield "gpu.throttled", True, line


def _name(name: str) -> Iterator[Fact]:
    if not name:
        return
    yield "gpu.label", name, name
    yield "gpu.present", True, name
    if PROFILE.search(name):
        yield "gpu.virtualization", "vgpu", name
    slice_ = re.search(r"MIG \d+g\.(\d+)gb", name)
    if slice_ is not None:
        yield "gpu.mig", True, name
        yield "gpu.slice_bytes", float(slice_[1]) * UNITS["G"], name


def _degrees(degrees: float, quote: str) -> Iterator[Fact]:
    yield "gpu.temperature_c", degrees, quote
    if degrees >= HOT_C:
        yield "symptoms", ("hot",), quote


def _number(written: str | None) -> float | None:
    match = re.match(r"\s*(\d+(?:\.\d+)?)", written or "")
    return None if match is None else float(match[1])
