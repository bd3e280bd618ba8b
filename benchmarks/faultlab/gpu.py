"""What is common to faults of GPUs: readings of a made-up one, through the real binding of a made-up NVML library.

Only the GPU is made up. The training is a real one on the CPU, slowed down in its own step as a slow GPU would.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside

FAKE = Path(__file__).parents[2] / "tests" / "nvml" / "fake_nvml.py"
STEP_DELAY_S = 4.0  # tens of times the usual step, and several times one on a busy machine


def _fake_nvml() -> Any:
    spec = importlib.util.spec_from_file_location("fake_nvml", FAKE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class GpuFault(Fault):
    """The GPU changes; from then on a step takes longer where ``delay_s`` says so."""

    sound: dict[str, Any] = {}
    broken: dict[str, Any] = {}
    delay_s: float | None = STEP_DELAY_S
    virtual = False

    def needs(self) -> str | None:
        """A compiler for the library."""
        if not FAKE.exists():
            return "the made-up NVML library is beside the tests, and they are not here"
        why: str | None = _fake_nvml().why_not()
        return why

    def prepare(self, stage: Stage) -> dict[str, str]:
        """A sound GPU."""
        kind = _fake_nvml().FakeGpu
        self._gpu = (kind.vgpu if self.virtual else kind)(stage.folder / "gpu", **self.sound)
        self._delay = stage.folder / "step-delay-s"
        return {**super().prepare(stage), **self._gpu.environment()}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Let the training look for the file that slows it down."""
        return [*command, "--train-step-delay-file", str(self._delay)]

    def is_time(self, outside: Outside, printed: Any) -> bool:
        """As others; the GPU lists the training as soon as there is one."""
        if outside.main is not None and self._gpu.state.get("processes") is None:
            self._gpu.set(processes=[(outside.main.pid, 5 << 30)], process_names={outside.main.pid: "python"})
        return super().is_time(outside, printed)

    def inject(self, outside: Outside) -> None:
        """Break it."""
        self.strike()
        self._gpu.set(**self.change(outside))
        if self.delay_s is not None:
            self._delay.write_text(f"{self.delay_s}\n")

    def change(self, outside: Outside) -> dict[str, Any]:
        """What it shows from now on."""
        return self.broken

    def relieve(self) -> None:
        """Full speed again."""
        self._delay.unlink(missing_ok=True)


def stranger() -> tuple[int, int]:
    """A process that is not of the training, and what it holds on the GPU."""
    return os.getpid(), 20 << 30
