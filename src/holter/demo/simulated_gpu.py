"""A GPU that does not exist, for a fault that cannot be had without one: its readings come from a file.

The GPU probe of a supervisor that is started with ``HOLTER_GPU_SCRIPT=FILE`` reads FILE instead of the
driver, again whenever it changes, and marks what it reads as "simulated" (``holter.probes.gpu.gpu_script`` tells
the format). Nothing made from it can pass for a measurement.

Only the readings are simulated here. That training itself becomes slow is done by the training: see
``--train-step-delay-file`` of ``holter.trainer.shortened``.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from holter.records import GpuSample, Unread
from holter.sentences import define

SCRIPT_VARIABLE = "HOLTER_GPU_SCRIPT"
SIMULATED = define("gpu.simulated", "simulated for holter's demo")
NOT_IN_A_GUEST = define("gpu.not-in-a-guest", "not supported in a vGPU guest")

# A T4 cut to 8 GiB, as in nnU-Net issue 2041. In a vGPU guest the driver gives none of the fields in
# ``unread``.
_VGPU = GpuSample(
    t_s=0.0,
    index=0,
    note=SIMULATED(),
    name="GRID T4-8Q",
    driver="525.105.17",
    utilization_ratio=0.97,
    memory_used_bytes=5 * 2**30,
    memory_total_bytes=8 * 2**30,
    sm_clock_mhz=1590,
    memory_clock_mhz=5000,
    virtualization="vgpu",
    licence_supported=True,
    licence_stage="unlicensed-unrestricted",
    licence_text="Unlicensed (Unrestricted)",
    licence_product="NVIDIA RTX Virtual Workstation",
    unread=tuple(
        Unread(field=field, why=NOT_IN_A_GUEST())
        for field in ("power_w", "temperature_c", "sm_clock_max_mhz", "memory_clock_max_mhz", "clock_reasons")
    ),
)
_SET_BY_THE_PROBE = ("type", "t_s", "source")


def unlicensed_vgpu(*, restricted: bool) -> GpuSample:
    """A busy vGPU within its 20 minutes of grace, or the same one after they have passed: idle."""
    if not restricted:
        return _VGPU
    return msgspec.structs.replace(
        _VGPU,
        utilization_ratio=0.0,
        licence_stage="unlicensed-restricted",
        licence_text="Unlicensed (Restricted)",
    )


def write_script(file: Path, sample: GpuSample) -> None:
    """Let a supervisor that reads ``file`` see ``sample`` from its next look on."""
    state = {key: value for key, value in msgspec.to_builtins(sample).items() if key not in _SET_BY_THE_PROBE}
    unfinished = file.with_name(file.name + ".new")
    unfinished.write_text(json.dumps(state, indent=2) + "\n")
    unfinished.replace(file)  # a reader must never meet half a file
