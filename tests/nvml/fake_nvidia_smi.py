"""Prints what ``nvidia-smi -q`` would say of the made-up GPU: its layout, its words, our numbers."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

MODES = ("None", "Pass-Through", "VGPU", "Host VGPU", "Host VSGA")
LABEL_WIDTH = 39  # "    Product Name" is padded so that all colons stand below each other


def read_state(path: Path) -> dict[str, str]:
    """Key and value of every line."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


class Printed:
    """The report being written, for one GPU at a time."""

    def __init__(self, state: dict[str, str]) -> None:
        self.state = state
        self.index = 0
        self.lines: list[str] = []

    def value(self, key: str, default: str = "N/A") -> str:
        """The value of a key as this GPU shows it."""
        if key in self.state.get("not_supported", "").split(","):
            return default
        return self.state.get(f"gpu{self.index}.{key}", self.state.get(key, default))

    def put(self, depth: int, label: str, value: str | None = None) -> None:
        """One line: a section title, or a label with its value."""
        padded = "    " * depth + label
        self.lines.append(padded if value is None else f"{padded:<{LABEL_WIDTH + 4}}: {value}")

    def with_unit(self, key: str, unit: str, scale: float = 1, digits: int = 0) -> str:
        """A number with its unit, N/A where it cannot be read."""
        value = self.value(key)
        return value if value == "N/A" else f"{float(value) / scale:.{digits}f} {unit}"

    def head(self, count: int) -> None:
        """What stands above the first GPU."""
        self.lines += ["", "==============NVSMI LOG==============", ""]
        self.put(0, "Timestamp", "Tue Mar  4 10:12:44 2025")
        self.put(0, "Driver Version", self.value("driver"))
        self.put(0, "CUDA Version", "12.4")
        self.lines.append("")
        self.put(0, "Attached GPUs", str(count))

    def gpu(self, index: int) -> None:
        """The block of one GPU, as far as anybody reads it."""
        self.index = index
        self.put(0, f"GPU 00000000:{2 + index:02X}:00.0")
        self.put(1, "Product Name", self.value("name"))
        self.put(1, "Product Architecture", "Turing")
        self.put(1, "MIG Mode")
        self.put(2, "Current", "N/A")
        self.put(1, "GPU UUID", self.value("uuid"))
        self.put(1, "GPU Virtualization Mode")
        self.put(2, "Virtualization Mode", MODES[int(self.value("virtualization", "0"))])
        self.put(2, "Host VGPU Mode", "N/A")
        self.licence()
        self.sensors()

    def licence(self) -> None:
        """The section that tells whether the vGPU has a licence."""
        title = self.value("licence_section", "")
        if not title:
            return
        self.put(1, title)
        self.put(2, "Product Name", self.value("licence_product"))
        self.put(2, "License Status", self.value("licence"))

    def sensors(self) -> None:
        """Use, memory, temperature, power and clocks."""
        self.put(1, "FB Memory Usage")
        self.put(2, "Total", self.with_unit("memory_total", "MiB", 2**20))
        self.put(2, "Used", self.with_unit("memory_used", "MiB", 2**20))
        self.put(1, "Utilization")
        self.put(2, "Gpu", self.with_unit("utilization", "%"))
        self.put(1, "Temperature")
        self.put(2, "GPU Current Temp", self.with_unit("temperature", "C"))
        self.put(1, "GPU Power Readings")
        self.put(2, "Power Draw", self.with_unit("power", "W", 1000, 2))
        self.put(1, "Clocks")
        self.put(2, "SM", self.with_unit("sm_clock", "MHz"))
        self.put(2, "Memory", self.with_unit("memory_clock", "MHz"))


def main() -> int:
    """Print the report, hang, or fail, as the state file says."""
    state = read_state(Path(os.environ["FAKE_NVML_STATE"]))
    if "nvidia-smi" in state.get("block", "").split(","):
        signal.pause()
    if state.get("smi_fails") == "1":
        sys.stdout.write("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")
        return 9
    printed = Printed(state)
    printed.head(int(state["count"]))
    for index in range(int(state["count"])):
        printed.gpu(index)
        printed.lines.append("")
    sys.stdout.write("\n".join(printed.lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
