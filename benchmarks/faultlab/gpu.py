"""Base for faults of GPUs: readings of a simulated GPU, through the real binding and a fake NVML library.

Only the GPU is simulated. The training is a real one on the CPU, with its own step slowed down as by a slow GPU.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside
from benchmarks.survival.fault import Stage

FAKE = Path(__file__).parents[2] / "tests" / "nvml" / "fake_nvml.py"
STEP_DELAY_S = 4.0  # tens of times the usual step, and several times the step on a busy machine


def _fake_nvml() -> Any:
    spec = importlib.util.spec_from_file_location("fake_nvml", FAKE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class GpuFault(Fault):
    """The GPU changes; from then on a step takes ``delay_s`` longer."""

    sound: dict[str, Any] = {}
    broken: dict[str, Any] = {}
    delay_s: float | None = STEP_DELAY_S
    virtual = False

    def needs(self) -> str | None:
        """Require a compiler for the library."""
        if not FAKE.exists():
            return "the fake NVML library is beside the tests, which are missing here"
        why: str | None = _fake_nvml().why_not()
        return why

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create a healthy GPU."""
        kind = _fake_nvml().FakeGpu
        self._gpu = (kind.vgpu if self.virtual else kind)(stage.folder / "gpu", **self.sound)
        self._delay = stage.folder / "step-delay-s"
        return {**super().prepare(stage), **self._gpu.environment()}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Give the training the file that slows it down."""
        return [*command, "--train-step-delay-file", str(self._delay)]

    def is_time(self, outside: Outside, printed: Any) -> bool:
        """Decide like other faults; also list the training on the GPU as soon as it exists."""
        if outside.main is not None and self._gpu.state.get("processes") is None:
            self._gpu.set(processes=[(outside.main.pid, 5 << 30)], process_names={outside.main.pid: "python"})
        return super().is_time(outside, printed)

    def inject(self, outside: Outside) -> None:
        """Apply the fault."""
        self.strike()
        self._gpu.set(**self.change(outside))
        if self.delay_s is not None:
            self._delay.write_text(f"{self.delay_s}\n")

    def change(self, outside: Outside) -> dict[str, Any]:
        """Return the readings from now on."""
        return self.broken

    def relieve(self) -> None:
        """Restore full speed."""
        self._delay.unlink(missing_ok=True)


def stranger() -> tuple[int, int]:
    """Return the PID of a process outside the training, and its bytes on the GPU."""
    return os.getpid(), 20 << 30
