"""An unlicensed vGPU reaches the end of its grace period and becomes nearly idle. Readings and slowness are SIMULATED.

This is the most probable explanation of nnU-Net issue 2041. Each training step waits in one native call while
the loader fills its queues, as it would with a slow GPU (``--train-step-delay-file`` of ``holter.trainer.shortened``).

If a supervisor is started with ``HOLTER_GPU_SCRIPT=FILE``, its GPU probe reads FILE instead of the driver, again
whenever it changes, and marks the readings as "simulated" (format: ``holter.probes.gpu.gpu_script``). Nothing
derived from them can be mistaken for a measurement.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from holter.demo.faults.fault import Context, DemoFault
from holter.records import GpuSample, Unread
from holter.sentences import define

# Issue 2041: an epoch of 160 s became one of 25,000 s. The demo's step of 0.12 s becomes 150 times longer.
STEP_DELAY_S = 18.0
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


class VgpuLicence(DemoFault):
    """Ends the licence grace period of a simulated GRID T4-8Q."""

    name = "vgpu-licence"
    true_cause: str | None = "vgpu-unlicensed"

    def __init__(self) -> None:
        self._delay: Path | None = None

    def prepare(self, context: Context) -> dict[str, str]:
        """Write readings of a healthy GPU; the returned variable is for the supervisor only."""
        script = context.scratch / "gpu.json"
        self._delay = context.scratch / "step-delay-s"
        write_script(script, unlicensed_vgpu(restricted=False))
        return {SCRIPT_VARIABLE: str(script)}

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Make the training read the file that slows it down."""
        return [*command, "--train-step-delay-file", str(self._delay)] if self._delay else list(command)

    def inject(self, context: Context) -> None:
        """Restrict the licence and slow down the steps."""
        write_script(context.scratch / "gpu.json", unlicensed_vgpu(restricted=True))
        (context.scratch / "step-delay-s").write_text(f"{STEP_DELAY_S}\n")

    def relieve(self, context: Context) -> None:
        """Restore full speed; the current step still finishes its wait."""
        (context.scratch / "step-delay-s").unlink(missing_ok=True)
        if (script := context.scratch / "gpu.json").exists():
            write_script(script, unlicensed_vgpu(restricted=False))
