"""Put the found settings into variables; say what would gain more, and what was not compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holter.bench.advice import train_command
from holter.bench.forecast import SLOWED, WAITS
from holter.bench.records import FITS
from holter.bench.tuning.records import Tuned
from holter.bench.tuning.space import USUAL_BATCHES
from holter.doctor.records import Asked
from holter.records import Message
from holter.sentences import define, define_all

WORKERS, THREADS, BATCHES = "nnUNet_n_proc_DA", "HOLTER_LOADER_THREADS", "HOLTER_LOADER_BATCHES"
COMPILE = "nnUNet_compile"
BUSY = 0.85  # of the cores: with this much in use, they are the limit
WORTH_COMPILING = 1.02

NETWORK = define(
    "tune.more.network",
    "The network limits the speed and is kept busy {share:percent} % of the time: only a faster GPU would gain more.",
)
CPU = define("tune.more.cpu", "The network on this CPU limits the speed: a GPU would gain most.")
CORES = define(
    "tune.more.cores",
    "{busy:.1f} of {cpus:g} cores are busy: more cores would gain more, up to {times:.1f} times as fast.",
)
DISK = define(
    "tune.more.disk",
    "Steps wait for batches while cores are idle, and {data:bytes} of training cases do not fit into {free:bytes} of "
    "free memory: a faster disk would gain more, up to {times:.1f} times as fast.",
)
BESIDE = define(
    "tune.more.beside",
    "Steps do not wait, but beside this loader the network runs at {share:percent} % of its own speed: holter bench "
    "says more.",
)
OTHER = define(
    "tune.more.other",
    "Steps wait for batches while only {busy:.1f} of {cpus:g} cores are busy: holter bench says which part is slow.",
)
define_all(
    {
        "tune.not.export-workers": "export workers (nnUNet_def_n_proc): they work only in the final validation",
        "tune.not.blosc2": "threads of blosc2: nnU-Net always reads with one in each worker, and so does Holter",
        "tune.not.warm-cache": "Holter's loader with cases that it has kept in memory: each block begins without any",
        "tune.not.gpu-transforms": "Holter's transforms on the GPU",
        "tune.not.compile-cpu": "torch.compile: nnU-Net never compiles on a CPU",
        "tune.not.compile": "torch.compile: {detail}",
        "tune.not.holter": "Holter's loader: {detail}",
        "tune.not.different": "Holter's loader, because it would not do the same as nnU-Net's: {detail}",
    }
)


def variables_of(tuned: Tuned, environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the environment variables, each with its value, that give a training the settings that were chosen.

    ``environ``: the environment of the measurement.
    """
    chosen, found = tuned.chosen, []
    if chosen.loader == "stock":
        found.append((WORKERS, str(chosen.readers)))
    else:
        found.append((THREADS, str(chosen.readers)))
        if chosen.batches != USUAL_BATCHES or BATCHES in environ:
            found.append((BATCHES, str(chosen.batches)))
    compiled = tuned.compiled
    if compiled is not None and compiled.low is not None and compiled.high is not None:
        if tuned.is_compiled and compiled.high < 1:
            found.append((COMPILE, "f"))
        elif not tuned.is_compiled and compiled.low > WORTH_COMPILING:
            found.append((COMPILE, "t"))
    return tuple(found)


def command_for(tuned: Tuned, asked: Asked) -> str:
    """Return the command ``holter train`` that trains with the chosen loader."""
    return f"{train_command(asked, tuned.device)} --loader {tuned.chosen.loader}"


def what_gains_more(tuned: Tuned) -> Message:
    """Return a sentence on what would help more than any setting."""
    block, bounds = tuned.block, tuned.bounds
    share, does_wait = min(1.0, block.per_s / tuned.network_per_s), block.wait_ratio > WAITS
    if not does_wait and tuned.device == "cpu":
        return CPU()
    if not does_wait and share >= SLOWED:
        return NETWORK(share=share)
    times = 1 / share
    if block.busy_cores >= BUSY * bounds.cpus:
        return CORES(busy=min(block.busy_cores, bounds.cpus), cpus=bounds.cpus, times=times)
    if not does_wait:
        return BESIDE(share=share)
    if bounds.memory_bytes is not None and tuned.data_bytes >= FITS * bounds.memory_bytes:
        return DISK(data=tuned.data_bytes, free=bounds.memory_bytes, times=times)
    return OTHER(busy=block.busy_cores, cpus=bounds.cpus)


def not_compared(tuned: Tuned) -> tuple[Message, ...]:
    """Return a sentence for each thing that was left out of the comparison, with the reason."""
    return tuple(_left_out(tuned))


def _left_out(tuned: Tuned) -> Iterable[Message]:
    codes = {left.code for left in tuned.left_out}
    for left in tuned.left_out:
        yield Message(key=f"tune.not.{left.code}", values=(("detail", left.detail),))
    usual = ["export-workers", "blosc2"]
    if not codes & {"holter", "different"}:
        usual.append("warm-cache")
    if tuned.device == "cuda":
        usual.append("gpu-transforms")
    for code in usual:
        yield Message(key=f"tune.not.{code}", values=())
