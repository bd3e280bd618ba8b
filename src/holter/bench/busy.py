"""Check whether other processes use the cores or the GPU that a measurement needs."""

from __future__ import annotations

import time
from collections.abc import Mapping

from holter.doctor.collect.machine import neighbours
from holter.errors import MachineBusy
from holter.probes.gpu.gpu import read_gpus
from holter.probes.machine.host import HostProbe
from holter.records import HostSample, Message
from holter.sentences import NOTHING_STARTED_OR_CHANGED, define, joined

SPAN_S = 1.0
MOST_LACKING = 0.25  # of the cores that the training may use
MOST_GPU = 0.1  # of its time
GPU_S = 12.0

CORES = define(
    "error.bench.cores-busy",
    "Others use {busy:.1f} of this machine's {count} cores, and the training may use {cpus:g}: times would be too long",
)
GPU = define("error.bench.gpu-busy", "the GPU is in use ({name}, {used:percent} %)")
TRAININGS = define("error.bench.trainings", "nnU-Net trains here: {names}")
TRAINING = define("bench.training", "{dataset} {configuration} fold {fold} (PID {pid})")


def refuse_if_busy(cpus: float, device: str, environ: Mapping[str, str], command: str) -> None:
    """Observe for a second whether other processes use the cores or, unless ``device`` is "cpu", the GPU.

    ``cpus``: the cores of this process. ``command``: what the user typed.
    Raises:  MachineBusy if they do; it names the command that measures nevertheless.
    """
    said = [sentence for sentence in (_cores(cpus), _gpu(environ) if device != "cpu" else None) if sentence is not None]
    if not said:
        return
    trainings = neighbours() or ()
    if trainings:
        names = tuple(
            TRAINING(
                dataset=training.dataset, configuration=training.configuration, fold=training.fold, pid=training.pid
            )
            for training in trainings
        )
        said.append(TRAININGS(names=names))
    raise MachineBusy(joined(*said), safe=NOTHING_STARTED_OR_CHANGED(), next_step=f"{command} --anyway")


def _cores(cpus: float) -> Message | None:
    probe = HostProbe()
    probe.read(0.0)
    time.sleep(SPAN_S)
    for sample in probe.read(SPAN_S).samples:
        if isinstance(sample, HostSample) and sample.cpu_count and sample.cpu_busy_ratio is not None:
            busy = sample.cpu_busy_ratio * sample.cpu_count
            if cpus - (sample.cpu_count - busy) > MOST_LACKING * cpus:
                return CORES(busy=busy, count=sample.cpu_count, cpus=cpus)
    return None


def _gpu(environ: Mapping[str, str]) -> Message | None:
    first = (environ.get("CUDA_VISIBLE_DEVICES") or "0").split(",")[0]
    for sample in read_gpus(environ, GPU_S):
        used = sample.utilization_ratio
        if str(sample.index) == first and used is not None and used > MOST_GPU:
            return GPU(name=sample.name or first, used=used)
    return None
