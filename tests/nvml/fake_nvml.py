"""A made-up GPU for tests: a real ``libnvidia-ml.so.1`` and a real ``nvidia-smi`` that answer from one state file.

The real binding loads the library, so every struct and symbol is exercised; only the hardware is invented::

    gpu = FakeGpu(folder)
    gpu.set(utilization=97, licence="Unlicensed (Restricted)")
    subprocess.run(["holter", "run", "--", ...], env={**os.environ, **gpu.environment()})

Keys of ``set`` (units as NVML has them): count, driver, name, uuid, utilization (percent), memory_used, memory_total
(bytes), power, power_limit (mW), sm_clock, sm_clock_max, memory_clock, memory_clock_max (MHz), temperature,
clock_event_reasons, clock_throttle_reasons (bit mask), ecc_uncorrected, pcie_generation, pcie_generation_max,
pcie_width, pcie_width_max, pcie_rx, pcie_tx (KB/s), capability ("8.0"), mig, slices (places for MIG devices;
those with ``exists`` are the GPUs from 100 on in ``per_gpu``), virtualization (0 none,
1 pass-through, 2 vGPU, 3 host vGPU, 4 host vSGA), licence_supported, licence (as nvidia-smi prints it),
licence_product, licence_section (title), processes (list of (pid, bytes)), process_names (pid -> name),
init_error (NVML error code), lost (1: fallen off the bus),
smi_fails (1: nvidia-smi prints an error and exits 9).
Keys that take names of other keys, separated by commas: block (the call never returns), crash (it kills the caller),
slow with slow_ms, not_supported, function_not_found. The names ``init``, ``memory``, ``processes``, ``licence`` and
``nvidia-smi`` stand for those calls. ``per_gpu={1: {...}}`` overrides keys for one GPU.
A key set to None is left out: the call answers "not supported".
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LIBRARY = "libnvidia-ml.so.1"  # the name that the binding asks the loader for

BARE_METAL: dict[str, object] = {
    "count": 1,
    "driver": "550.90.07",
    "name": "NVIDIA A100-SXM4-40GB",
    "uuid": "GPU-5f1c2a30-0000-4000-8000-000000000000",
    "utilization": 93,
    "memory_used": 9 * 2**30,
    "memory_total": 40 * 2**30,
    "power": 287_400,
    "power_limit": 400_000,
    "sm_clock": 1395,
    "sm_clock_max": 1410,
    "memory_clock": 1215,
    "memory_clock_max": 1215,
    "temperature": 61,
    "clock_event_reasons": 0x4,
    "clock_throttle_reasons": 0x4,
    "ecc_uncorrected": 0,
    "pcie_generation": 4,
    "pcie_generation_max": 4,
    "pcie_width": 16,
    "pcie_width_max": 16,
    "pcie_rx": 1_200_000,
    "pcie_tx": 80_000,
    "mig": 0,
    "capability": "8.0",
    "virtualization": 0,
    "licence_supported": 0,
    "licence": "N/A",
    "licence_product": "N/A",
    "licence_section": "vGPU Software Licensed Product",
}
# What a guest sees of its share of a GPU: no sensors, no PCIe, no maxima.
VGPU_GUEST: dict[str, object] = {
    **BARE_METAL,
    "name": "GRID T4-8Q",
    "memory_used": 5 * 2**30,
    "memory_total": 8 * 2**30,
    "sm_clock": 1590,
    "memory_clock": 5000,
    "virtualization": 2,
    "licence_supported": 1,
    "licence": "Unlicensed (Unrestricted)",
    "licence_product": "NVIDIA RTX Virtual Workstation",
    "not_supported": "power,power_limit,temperature,sm_clock_max,memory_clock_max,clock_event_reasons,"
    "clock_throttle_reasons,pcie_generation,pcie_generation_max,pcie_width,pcie_width_max,pcie_rx,pcie_tx,"
    "ecc_uncorrected,mig",
}


def why_not() -> str | None:
    """Why the library cannot be built here; None where it can."""
    return None if _compiler() else "no C compiler to build the stand-in for NVML (Debian: apt install gcc libc6-dev)"


class FakeGpu:
    """A state file, the library and nvidia-smi that read it, and the environment that leads others to them."""

    def __init__(self, folder: Path, **state: object) -> None:
        self.folder = folder
        self.state_file = folder / "gpu.state"
        self.state: dict[str, object] = dict(BARE_METAL)
        (folder / "lib").mkdir(parents=True, exist_ok=True)
        (folder / "bin").mkdir(exist_ok=True)
        _build(folder / "lib" / LIBRARY)
        _install_nvidia_smi(folder / "bin" / "nvidia-smi")
        self.set(**state)

    @classmethod
    def vgpu(cls, folder: Path, **state: object) -> FakeGpu:
        """A vGPU guest whose licence is in its grace period."""
        return cls(folder, **{**VGPU_GUEST, **state})

    def set(self, **state: object) -> None:
        """Change what the GPU shows, at once and whole; a key set to None is left out."""
        self.state.update(state)
        lines = [line for key, value in self.state.items() for line in _lines(key, value)]
        fresh = self.state_file.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        fresh.replace(self.state_file)

    def remove_library(self) -> None:
        """As on a machine without an NVIDIA driver."""
        (self.folder / "lib" / LIBRARY).unlink()

    def environment(self) -> dict[str, str]:
        """Variables to lay over a process's environment so that it meets this GPU."""
        return {
            "FAKE_NVML_STATE": str(self.state_file),
            "LD_LIBRARY_PATH": os.pathsep.join(
                filter(None, [str(self.folder / "lib"), os.environ.get("LD_LIBRARY_PATH")])
            ),
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", "/usr/bin:/bin")]),
        }


def _lines(key: str, value: object) -> list[str]:
    if value is None:
        return []
    if key == "processes" and isinstance(value, (list, tuple)):
        return ["processes=" + ",".join(f"{pid}:{used}" for pid, used in value)]
    if key == "process_names" and isinstance(value, dict):
        return [f"process_name.{pid}={name}" for pid, name in value.items()]
    if key == "per_gpu" and isinstance(value, dict):
        return [f"gpu{gpu}.{k}={v}" for gpu, own in value.items() for k, v in own.items()]
    return [f"{key}={value}"]


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def _build(target: Path) -> None:
    compiler = _compiler()
    if compiler is None:
        raise RuntimeError(why_not())
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, "-o", str(target), str(HERE / "fake_nvml.c")], check=True)


def _install_nvidia_smi(target: Path) -> None:
    target.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{HERE / "fake_nvidia_smi.py"}" "$@"\n')
    target.chmod(0o755)
