"""What kind of run it is: what is not seen of a machine is not always missing."""

from __future__ import annotations

import pytest

from holter.evidence import collect
from holter.records import Environment, Episode, GpuSample, ProcessSample, Tick
from holter.tape import Recording


@pytest.mark.parametrize(("device", "gpu"), [("cuda:0", True), ("mps", True), ("cpu", False), (None, False)])
def test_a_gpu_that_the_trainer_computes_on_is_there_whatever_the_nvidia_driver_says(device, gpu):
    """With ROCm the device is cuda, and there is no NVML."""
    none = GpuSample(t_s=9.0, index=0, source="none", note="no NVIDIA driver here")
    main = ProcessSample(t_s=9.0, pid=1, role="main", state="R")
    recording = Recording(
        all_ticks=(Tick(t_s=9.0, processes=(main,), gpus=(none,)),),
        environment=Environment(wall_start="", device=device),
    )
    found = collect(recording, Episode(kind="stall", start_s=5.0, alarm_s=9.0, pid=1))
    assert found.fact("scope.gpu").value is gpu
