"""The grace period of an unlicensed vGPU ends. The GPU is simulated."""

from __future__ import annotations

from benchmarks.faultlab.gpu import GpuFault


class GpuLicence(GpuFault):
    """The case of nnU-Net's issue 2041, as far as it is known."""

    name = "gpu-licence"
    summary = "(simulated GPU) the licence of a vGPU is restricted, and it is nearly idle"
    cause = "vgpu-unlicensed"
    virtual = True
    delay_s = 18.0  # an epoch of 160 s became one of 25,000 s
    broken = {"licence": "Unlicensed (Restricted)", "utilization": 0}


SCENARIO = GpuLicence
