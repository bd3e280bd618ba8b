"""An unlicensed vGPU reaches the end of its grace period and becomes nearly idle. Readings and slowness are SIMULATED.

This is the most probable explanation of nnU-Net issue 2041. The GPU's readings come from a file
(``holter.demo.simulated_gpu``). Each training step waits in one native call while the loader fills its queues, as it
would with a slow GPU (``--train-step-delay-file`` of ``holter.trainer.shortened``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from holter.demo.faults.fault import Context, DemoFault
from holter.demo.simulated_gpu import SCRIPT_VARIABLE, unlicensed_vgpu, write_script

# Issue 2041: an epoch of 160 s became one of 25,000 s. The demo's step of 0.12 s becomes 150 times longer.
STEP_DELAY_S = 18.0


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
