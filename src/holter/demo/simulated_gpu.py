"""A simulated GPU, for a fault that needs special hardware: its readings come from a file.

If a supervisor is started with ``HOLTER_GPU_SCRIPT=FILE``, its GPU probe reads FILE instead of the driver, again
whenever it changes, and marks the readings as "simulated" (format: ``holter.probes.gpu.gpu_script``). Nothing
derived from them can be mistaken for a measurement.

Only the readings are simulated here. The training slows itself down: see ``--train-step-delay-file`` of
``holter.trainer.shortened``.
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

# A T4 share of 8 GiB, as in nnU-Net issue 2041. In a vGPU guest the driver provides none of the fields in ``unread``.
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
    """Return a busy vGPU within its 20 minutes of grace; if ``restricted``, the same GPU afterwards, nearly idle."""
    if not restricted:
        return _VGPU
    return msgspec.structs.replace(
        _VGPU,
        utilization_ratio=0.0,
        licence_stage="unlicensed-restricted",
        licence_text="Unlicensed (Restricted)",
    )


def write_script(file: Path, sample: GpuSample) -> None:
    """Write ``file`` so that a supervisor that reads it reports ``sample`` from its next reading on."""
    state = {key: value for key, value in msgspec.to_builtins(sample).items() if key not in _SET_BY_THE_PROBE}
    unfinished = file.with_name(file.name + ".new")
    unfinished.write_text(json.dumps(state, indent=2) + "\n")
    unfinished.replace(file)  # a reader must never see half a file
