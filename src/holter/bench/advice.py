"""The one thing that would change most, with its command; and what was not measured. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from holter.bench.forecast import reads_from_disk, sides
from holter.bench.records import FITS, Forecast, Loader, Measured
from holter.doctor.records import Asked
from holter.records import Message
from holter.sentences import define, define_all
from holter.texts.training_command import model_options

HOLTER = define(
    "bench.advice.holter",
    "Holter's data loader makes an epoch {times:.1f} times as fast: {holter:duration} instead of {stock:duration}.",
)
NETWORK = define(
    "bench.advice.network",
    "The network itself limits the speed: it is busy {share:percent} % of the time, and no data loader can gain more "
    "than the rest.",
)
CPU = define("bench.advice.cpu", "The network on this CPU limits the speed. A GPU would help most.")
WORKERS = define(
    "bench.advice.workers",
    "Augmentation limits the speed, and only {readers} of {cpus:g} cores work for it. More workers would help most.",
)
CORES = define(
    "bench.advice.cores",
    "The cores limit the speed: {wanted:.1f} are needed to keep the network busy, and there are {cpus:g}.",
)
CORES_HERE = define("bench.advice.cores-shared", "Network and data loader share {cpus:g} cores. More would help.")
DISK = define(
    "bench.advice.disk",
    "Reading limits the speed, and {data:bytes} of training cases do not fit into {free:bytes} of free memory. A "
    "faster disk would help most.",
)
MEMORY = define(
    "bench.advice.reading", "Reading limits the speed. Holter's loader reads only the voxels that it needs."
)
QUEUE = define(
    "bench.advice.hand-over",
    "Handing batches from process to process limits the speed. Holter's loader has no worker processes.",
)
NOTHING = define("bench.advice.nothing", "Loader and network could not be measured together, so nothing is advised.")

define_all(
    {
        "bench.not.final-validation": "the final validation of whole cases, after the last epoch",
        "bench.not.results-disk": "writing to nnUNet_results: the checkpoint went to the folder for temporary files",
        "bench.not.gpu-transforms": "Holter's transforms on the GPU",
        "bench.not.cold": "reading from disk: the system keeps these files in memory, also when asked to drop them",
        "bench.not.cold-unknown": "reading from disk: the system does not say which files are in memory",
        "bench.not.cached": (
            "epochs with the usual share of files in memory: the cases do not fit into it, and "
            "{cached:percent} % of them were in it"
        ),
        "bench.not.holter": "Holter's loader: {detail}",
        "bench.not.different": "Holter's loader, because it would not do the same as nnU-Net's: {detail}",
        "bench.not.together-stock": "nnU-Net's loader together with the network: {detail}",
        "bench.not.together-holter": "Holter's loader together with the network: {detail}",
        "bench.not.interval": "an interval: too few steps within {seconds:g} s (--seconds)",
        "bench.not.checkpoint": "saving a checkpoint: {detail}",
    }
)


def advice_for(
    measured: Measured, forecasts: Sequence[Forecast], chosen: Loader, asked: Asked, environ: Mapping[str, str]
) -> tuple[Message, str]:
    """Return a sentence on what would shorten the training most, and the command for it.

    ``forecasts``: one for each loader. ``chosen``: the loader to train with.
    """
    by_loader = {forecast.loader: forecast for forecast in forecasts}
    train = train_command(asked, measured.device)
    if not by_loader:
        return NOTHING(), train
    if chosen == "holter":
        holter, stock = by_loader["holter"], by_loader["stock"]
        said = HOLTER(times=stock.epoch_s / holter.epoch_s, holter=holter.epoch_s, stock=stock.epoch_s)
        return said, f"{train} --loader holter"
    best = by_loader.get("stock") or forecasts[0]
    if best.limit == "network":
        if measured.device == "cpu":
            return CPU(), train_command(asked, "cuda")
        return NETWORK(share=min(1.0, best.share)), train
    if best.limit == "augmentation" and best.readers < int(measured.cpus):
        said = WORKERS(readers=best.readers, cpus=measured.cpus)
        return said, f"nnUNet_n_proc_DA={int(measured.cpus)} {train}"
    if best.limit == "reading" and reads_from_disk(measured):
        source = environ.get("nnUNet_preprocessed", "$nnUNet_preprocessed")
        said = DISK(data=measured.data_bytes, free=measured.free_bytes)
        return said, f"cp -r {shlex.quote(f'{source}/{asked.dataset}')} /fast/disk/  # nnUNet_preprocessed=/fast/disk"
    if best.limit in ("reading", "hand-over"):
        return (MEMORY if best.limit == "reading" else QUEUE)(), f"{train} --loader holter"
    if best.cores_wanted is not None and best.cores_wanted > measured.cpus:
        return CORES(wanted=best.cores_wanted, cpus=measured.cpus), train
    return CORES_HERE(cpus=measured.cpus), train


def train_command(asked: Asked, device: str) -> str:
    """Return the command line of ``holter train`` for this training."""
    words = ["holter", "train", asked.dataset or "", asked.configuration or "", asked.fold]
    words += model_options(asked.trainer, asked.plans)
    words += ["-device", "cpu"] if device == "cpu" else []
    return shlex.join(words)


def not_measured(measured: Measured, seconds: float) -> tuple[Message, ...]:
    """Return a sentence for everything that was not measured. ``seconds``: the time limit of the measurement."""
    return tuple(_left_out(measured, seconds))


def _left_out(measured: Measured, seconds: float) -> Iterable[Message]:
    for left_out in measured.left_out:
        yield Message(key=f"bench.not.{left_out.code}", values=(("detail", left_out.detail),))
    if reads_from_disk(measured) and measured.cached_ratio is not None and measured.cached_ratio > 1 - FITS:
        yield Message(key="bench.not.cached", values=(("cached", measured.cached_ratio),))
    if any(side.together is not None and side.together.spread is None for side in sides(measured)):
        yield Message(key="bench.not.interval", values=(("seconds", seconds),))
    usual = ["final-validation", "results-disk"]
    if measured.device == "cuda":
        usual.append("gpu-transforms")
    for code in usual:
        yield Message(key=f"bench.not.{code}", values=())
