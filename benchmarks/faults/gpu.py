"""Simulated GPUs that are hot, unlicensed, shared, lost or stalled.

Their readings come through the real binding and a fake NVML library. The training is a real one on the CPU, with its
own step slowed down as by a slow GPU.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.fault import Armed, Fault, FromDemo, Stage
from benchmarks.faults.outside import Outside
from holter.demo.faults.vgpu_licence import VgpuLicence

FAKE = Path(__file__).parents[2] / "tests" / "nvml" / "fake_nvml.py"
STEP_DELAY_S = 4.0  # tens of times the usual step, and several times the step on a busy machine
OWN_BYTES, OTHERS_BYTES = 5 << 30, 20 << 30
LABEL_OUT_OF_RANGE = (
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported at some other API "
    "call, so the stacktrace below might be incorrect."
)


def _fake_nvml() -> Any:
    spec = importlib.util.spec_from_file_location("fake_nvml", FAKE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class GpuFault(Fault):
    """The GPU changes; from then on a step takes ``delay_s`` longer."""

    sound: Mapping[str, Any] = {}
    broken: Mapping[str, Any] = {}
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

    def is_time(self, outside: Outside) -> bool:
        """Decide like other faults; also list the training on the GPU as soon as it exists."""
        if outside.main is not None and self._gpu.state.get("processes") is None:
            self._gpu.set(processes=[(outside.main.pid, OWN_BYTES)], process_names={outside.main.pid: "python"})
        return super().is_time(outside)

    def inject(self, outside: Outside) -> None:
        """Apply the fault."""
        self.strike()
        self._gpu.set(**self.change(outside))
        if self.delay_s is not None:
            self._delay.write_text(f"{self.delay_s}\n")

    def change(self, outside: Outside) -> Mapping[str, Any]:
        """Return the readings from now on."""
        return self.broken

    def relieve(self) -> None:
        """Restore full speed."""
        self._delay.unlink(missing_ok=True)


class CudaError(Armed):
    """The training raises a CUDA error. The exception is simulated, with PyTorch's message."""

    acts = True
    trainer = "nnUNetTrainerGpuFails"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(**facts)
        self._message = message

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the message."""
        return {**super().prepare(stage), "FAULTLAB_CUDA_ERROR": self._message}


class GpuLost(GpuFault, CudaError):
    """As with a bad card, slot or power supply."""

    def inject(self, outside: Outside) -> None:
        """Lose the GPU, then raise."""
        super().inject(outside)
        self.arm.touch()


class GpuShared(GpuFault):
    """As on a shared workstation."""

    name = "gpu-shared"
    summary = "(simulated GPU) another process begins to compute on the GPU"
    cause = "gpu-shared-or-zombie"

    def change(self, outside: Outside) -> Mapping[str, Any]:
        """Return a process list with the other process and ours."""
        assert outside.main is not None
        stranger, own = os.getpid(), outside.main.pid
        return {
            "processes": [(own, OWN_BYTES), (stranger, OTHERS_BYTES)],
            "process_names": {own: "python", stranger: "python"},
            "memory_used": 26 << 30,
            "utilization": 100,
        }


FAULTS = (
    partial(  # a dusty fan
        GpuFault,
        name="gpu-hot",
        summary="(simulated GPU) the GPU is 91 °C hot and runs at a third of its clock",
        cause="gpu-thermal-or-power",
        sound={"utilization": 97},
        broken={
            "utilization": 99, "sm_clock": 510, "temperature": 91, "power": 118_000, "clock_event_reasons": 0x60,
            "clock_throttle_reasons": 0x60,
        },
    ),
    partial(  # the case of nnU-Net's issue 2041: an epoch of 160 s became one of 25,000 s
        GpuFault,
        name="gpu-licence",
        summary="(simulated GPU) the licence of a vGPU is restricted, and it is nearly idle",
        cause="vgpu-unlicensed",
        virtual=True,
        delay_s=18.0,
        broken={"licence": "Unlicensed (Restricted)", "utilization": 0},
    ),
    partial(  # a driver call that does not return
        GpuFault,
        name="gpu-stalls",
        summary="(simulated GPU) one step never comes back from the driver",
        cause="gpu-side-stall",
        delay_s=1e5,
        broken={"utilization": 0, "power": 60_000},
    ),
    GpuShared,
    partial(
        GpuLost,
        "CUDA error: unspecified launch failure",
        name="gpu-lost",
        summary="(simulated GPU) the GPU falls off the bus and the training raises a CUDA error",
        cause="gpu-lost-or-gsp",
        delay_s=None,
        broken={"lost": 1},
    ),
    partial(  # a wrong label in the data
        CudaError,
        LABEL_OUT_OF_RANGE,
        name="gpu-assert",
        summary="(simulated message) a kernel meets a label that is out of range",
        cause="cuda-device-assert",
    ),
)  # fmt: skip
CAMPAIGN = (
    partial(
        FromDemo,
        VgpuLicence,
        name="vgpu-licence",
        summary="(simulated GPU) the vGPU's licence is lost, then returns",
        promise="waits",
        is_temporary=True,
        lasts_s=40.0,
    ),
)
