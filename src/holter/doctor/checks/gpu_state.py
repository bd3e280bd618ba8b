"""Checks of how the GPU is now: not shared, not slowed down, well connected, and without errors."""

from __future__ import annotations

from collections.abc import Sequence

from holter.causes.pcie_link_degraded import DEGRADED_RATIO
from holter.doctor.checks.gpu import is_given, present
from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.records import Result, Survey
from holter.evidence.facts.gpu.graphics import held_down_by, others
from holter.records import GpuSample, Text
from holter.sentences import define, define_all

define_all(
    {
        "doctor.gpu-neighbours.title": "others on the GPU",
        "doctor.gpu-held-down.title": "GPU clock and heat",
        "doctor.gpu-link.title": "PCIe link",
        "doctor.gpu-errors.title": "GPU errors, slices",
        "doctor.gpu-neighbours.go": "no other process computes there",
        "doctor.gpu-neighbours.elsewhere": "Others compute on GPU {gpu}: {names}. Another GPU is free.",
        "doctor.gpu-neighbours.elsewhere.do": "Use the free one.",
        "doctor.gpu-neighbours.shared": "Others compute on GPU {gpu}: {names}. Each slows the other down.",
        "doctor.gpu-neighbours.shared.do": "Wait for them, or end your own left-over processes.",
        "doctor.gpu-held-down.go": "nothing holds the clock down",
        "doctor.gpu-held-down.held": "The clock of GPU {gpu} is held down now: {reasons}.",
        "doctor.gpu-held-down.held.do": "Check cooling, power supply and power limit.",
        "doctor.gpu-held-down.hot": "GPU {gpu} is at {degrees} °C already; under load it will slow down.",
        "doctor.gpu-held-down.hot.do": "Check its cooling (fans, dust, air flow).",
        "doctor.gpu-link.go": "{width} lanes, the maximum",
        "doctor.gpu-link.fewer": "{width} of {width_max} lanes, which costs little",
        "doctor.gpu-link.narrow": "GPU {gpu} is connected by {width} of {width_max} PCIe lanes.",
        "doctor.gpu-link.narrow.do": "Reseat the card, or use another slot; batches reach it more slowly.",
        "doctor.gpu-errors.go": "none",
        "doctor.gpu-errors.ecc": "GPU {gpu} has counted memory errors that could not be corrected ({count}).",
        "doctor.gpu-errors.ecc.do": "Let the administrator reset the GPU, and replace it if they come back.",
        "doctor.gpu-errors.mig": "none; GPU {gpu} is cut into slices (MIG)",
    }
)

HOT_C = 85  # most GPUs slow down between 83 and 90 degrees
PROCESS = define("doctor.gpu-neighbours.process", "[[{name}|process]] (PID {pid}[[, {held:bytes}]])")


def _used(survey: Survey) -> tuple[GpuSample, ...]:
    return () if survey.asked.device == "cpu" else present(survey)


def _without_gpu(survey: Survey, check: str) -> Result:
    return not_applicable(check, "on-cpu" if survey.asked.device == "cpu" else "no-gpu")


def gpu_neighbours(survey: Survey) -> Result:
    """Check for other users' processes on the GPU."""
    gpus = _used(survey)
    if not gpus:
        return _without_gpu(survey, "gpu-neighbours")
    if all(gpu.processes is None for gpu in gpus):
        return unknown("gpu-neighbours", _why(survey, gpus, "processes"))
    busy = [(gpu, others(gpu)) for gpu in gpus if others(gpu)]
    free = [] if is_given(survey) else [gpu for gpu in gpus if gpu.processes is not None and not others(gpu)]
    if not busy:
        return go("gpu-neighbours")
    gpu, foreign = busy[0]
    names = tuple(PROCESS(name=process.name, pid=process.pid, held=process.memory_bytes) for process in foreign[:3])
    setting = f"export CUDA_VISIBLE_DEVICES={free[0].index}" if free else None
    return result(
        "warn", "gpu-neighbours", "elsewhere" if free else "shared", setting=setting, gpu=gpu.index, names=names
    )


def gpu_held_down(survey: Survey) -> Result:
    """Check for reasons that lower the clock, and for heat."""
    gpus = _used(survey)
    if not gpus:
        return _without_gpu(survey, "gpu-held-down")
    for gpu in gpus:
        reasons = held_down_by(gpu)
        if reasons:
            return result("warn", "gpu-held-down", "held", gpu=gpu.index, reasons=tuple(reasons))
        if gpu.temperature_c is not None and gpu.temperature_c >= HOT_C:
            return result("warn", "gpu-held-down", "hot", gpu=gpu.index, degrees=gpu.temperature_c)
    if all(gpu.clock_reasons is None for gpu in gpus):
        return unknown("gpu-held-down", _why(survey, gpus, "clock_reasons"))
    return go("gpu-held-down")


def gpu_link(survey: Survey) -> Result:
    """Check the width of the PCIe link; the generation is lowered while a GPU idles and is not informative."""
    gpus = _used(survey)
    if not gpus:
        return _without_gpu(survey, "gpu-link")
    for gpu in gpus:
        if gpu.pcie_width is not None and gpu.pcie_width <= DEGRADED_RATIO * (gpu.pcie_width_max or 0):
            return result(
                "warn", "gpu-link", "narrow", gpu=gpu.index, width=gpu.pcie_width, width_max=gpu.pcie_width_max
            )
    if all(gpu.pcie_width is None for gpu in gpus):
        return unknown("gpu-link", _why(survey, gpus, "pcie_width"))
    narrowest = min(gpus, key=lambda gpu: (gpu.pcie_width or 0) / (gpu.pcie_width_max or 1) or 1)
    width, most = narrowest.pcie_width, narrowest.pcie_width_max
    fewer = width is not None and most is not None and width < most
    return go("gpu-link", "fewer" if fewer else "go", width=width, width_max=most)


def gpu_errors(survey: Survey) -> Result:
    """Check for uncorrectable memory errors. MIG mode is only reported; gpu-memory judges the slice."""
    gpus = _used(survey)
    if not gpus:
        return _without_gpu(survey, "gpu-errors")
    for gpu in gpus:
        if gpu.ecc_uncorrected_total:
            return result("warn", "gpu-errors", "ecc", gpu=gpu.index, count=gpu.ecc_uncorrected_total)
    if all(gpu.ecc_uncorrected_total is None for gpu in gpus):
        return unknown("gpu-errors", _why(survey, gpus, "ecc_uncorrected_total"))
    sliced = next((gpu.index for gpu in gpus if gpu.mig), None)
    return go("gpu-errors") if sliced is None else go("gpu-errors", "mig", gpu=sliced)


def _why(survey: Survey, gpus: Sequence[GpuSample], field: str) -> Text:
    return next((why for gpu in gpus if (why := survey.gpu_text(gpu, field))), "driver-does-not-tell")


CHECKS = (gpu_neighbours, gpu_held_down, gpu_link, gpu_errors)
