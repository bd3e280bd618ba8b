"""The whole pipeline on two cores, reading and transforms, against nnU-Net's own, on four generated scenes.

Cases are read from their files for every sample, none is kept in memory. nnU-Net's workers and Holter's threads take
turns, several rounds each; the median round counts. On a machine that others use too, look at the CPU time a sample:
it is that of the whole tree of processes. HOLTER_KERNELS=AVX2 measures that instruction set, HOLTER_KERNELS=torch the
transforms without compiled kernels. No GPU is needed.
"""

from __future__ import annotations

import importlib
import math
import mmap
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import psutil
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from benchmarks.loader import at_least, at_most, row
from benchmarks.loader_scene import CORES, FOREGROUND, pin
from benchmarks.material import say
from benchmarks.organs import SCENES, Scene, mixed_share, write_scene
from benchmarks.reporting import Goal, Row, conclude, machine, options_of
from holter.loader import Loader, Options, catalogue_like, sampling_like
from holter.trainer.memory_fit import batches_for
from holter.transforms import Geometry, read_chain
from holter.transforms.kernels import found
from holter.transforms.kernels.library import Kernels

GOALS = {"A": 27.0, "B": 45.0, "C": 2.5, "D": 8.0}  # times as fast as nnU-Net
GOALS_OF = {"AVX2": {"A": 15.0}}  # with an instruction set that is not the best
FALL_GOAL = 0.95  # with more threads, of the best with fewer
SLEEP_GOAL = 10.0
BESIDE_GOAL = 1.3
SMALL_OPERATIONS = 4000
SLEEPERS = 12
WARM_BATCHES = 300  # at most
BYTES_A_VOXEL = 5  # of an image and a label in memory


class Plan(NamedTuple):
    """Rounds, seconds a round, and seconds for each smaller measurement."""

    rounds: int
    seconds: float
    short_s: float


FULL, QUICK = Plan(5, 25.0, 10.0), Plan(2, 8.0, 4.0)


class Rate(NamedTuple):
    """Samples a second, CPU milliseconds a sample of all processes, and their memory in MB."""

    per_s: float
    cpu_ms: float
    pss_mb: float
    shared_mb: float  # of it in /dev/shm


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("loader_scenes", __doc__, quick="fewer and shorter rounds: twelve minutes at most")
    parser.add_argument("--only", default="ABCD", help="which scenes; default ABCD")
    parser.add_argument("--data", type=Path, help="keep the generated cases in this folder and use them again")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    say(f"on cores {pin()}")
    rows: list[Row] = []
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="holter-scenes-") as scratch:
        for scene in SCENES:
            if scene.name[0] in options.only:
                more = measure(scene, plan, options.data or Path(scratch))
                rows += more[0]
                goals += more[1]
    kernels = found().kernels
    facts = {**machine(), "kernels": kernels.name if kernels else str(found().reason)}
    return conclude(rows, goals, options.json, facts)


def measure(scene: Scene, plan: Plan, folder: Path) -> tuple[list[Row], list[Goal]]:
    """Measure one scene."""
    letter = scene.name[0]
    say(f"{scene.name}: writing {scene.cases} cases")
    data = write_scene(folder / "x".join(map(str, (*scene.shape, scene.labels))), scene)
    like = stock_loader(scene, data)
    seg = data.load_case(data.identifiers[0])[1]
    rates: dict[str, list[Rate]] = {"nnU-Net": [], "Holter": []}
    for number in range(plan.rounds):
        with stock(like, CORES) as batches:
            rates["nnU-Net"].append(rate(batches, scene.batch, plan.seconds))
        with ours(data, like, CORES) as batches:
            rates["Holter"].append(rate(batches, scene.batch, plan.seconds))
        line = ", ".join(f"{name} {r[-1].per_s:.1f}/s {r[-1].cpu_ms:.2f} ms" for name, r in rates.items())
        say(f"{letter}, round {number + 1}/{plan.rounds}: {line}")
    middle = {
        name: Rate(*(statistics.median(values) for values in zip(*each, strict=True))) for name, each in rates.items()
    }
    rows = [row(f"{letter}: mixed cells of a case", mixed_share(seg[0]), "share", scene.name)]
    for name, median in middle.items():
        rows += [
            row(f"{letter}: {name}", median.per_s, "samples/s", f"{CORES} workers or threads, {CORES} cores"),
            row(f"{letter}: {name}, CPU", median.cpu_ms, "ms/sample", "all processes"),
            row(f"{letter}: {name}, memory", median.pss_mb, "MB", "PSS of all processes"),
            row(f"{letter}: {name}, in /dev/shm", median.shared_mb, "MB", "mapped by any process"),
        ]
    stock_, holter = middle["nnU-Net"], middle["Holter"]
    goals = [
        at_most(f"{letter}: memory x nnU-Net's", 1.0, holter.pss_mb / stock_.pss_mb),
        at_most(f"{letter}: in /dev/shm (MB)", 0.0, holter.shared_mb),
    ]
    kernels = found().kernels
    wanted = GOALS_OF.get(kernels.name if kernels else "", GOALS).get(letter)
    if wanted is not None:
        goals.insert(0, at_least(f"{letter}: Holter x nnU-Net, {CORES} cores", wanted, holter.per_s / stock_.per_s))
    rows.append(
        row(f"{letter}: CPU of nnU-Net x Holter's", stock_.cpu_ms / holter.cpu_ms, "x", "does not mind other users")
    )
    if letter in "AC":
        for part in (scaling, sleeping, beside):
            more = part(scene, data, like, plan)
            rows += more[0]
            goals += more[1]
    return rows, goals


def scaling(scene: Scene, data: Any, like: Any, plan: Plan) -> tuple[list[Row], list[Goal]]:
    """Measure 1, 2, 4 and 8 threads on the same cores."""
    rows, speeds = [], []
    for threads in (1, 2, 4, 8):
        with ours(data, like, threads) as batches:
            speeds.append(rate(batches, scene.batch, plan.short_s))
        note = f"{speeds[-1].cpu_ms:.2f} ms CPU a sample"
        rows.append(row(f"{scene.name[0]}: {threads} threads", speeds[-1].per_s, "samples/s", note))
    falls = [speeds[at].per_s / max(speed.per_s for speed in speeds[:at]) for at in range(1, len(speeds))]
    return rows, [at_least(f"{scene.name[0]}: never slower with more threads (x)", FALL_GOAL, min(falls))]


def sleeping(scene: Scene, data: Any, like: Any, plan: Plan) -> tuple[list[Row], list[Goal]]:
    """Replace both native calls, of reading and of transforms, by sleeps: how many cores the Python can feed."""
    if found().kernels is None:
        return [], []
    chain = chain_of(scene, like)
    took: dict[str, list[float]] = {"read": [], "run": []}
    originals = {name: getattr(Kernels, name) for name in took}

    def timed(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began_s = time.thread_time()
            done = originals[name](*arguments)
            took[name].append((time.thread_time() - began_s) / count_of(name, arguments))
            return done

        return call

    def slept(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            time.sleep(each_s[name] * count_of(name, arguments))
            return arguments[2]  # so many reads succeeded

        return call

    speeds = {}
    with replaced(timed), kept_in_ram(scene, ours(data, like, 1, chain, ram_budget_bytes=8 << 30)) as batches:
        took["read"].clear()
        rate(batches, scene.batch, plan.short_s)
    each_s = {name: statistics.mean(times) for name, times in took.items()}
    for threads in (1, SLEEPERS):
        with kept_in_ram(scene, ours(data, like, threads, chain, ram_budget_bytes=8 << 30)) as batches, replaced(slept):
            speeds[threads] = rate(batches, scene.batch, plan.short_s).per_s
    letter = scene.name[0]
    note = ", ".join(f"{name} {seconds * 1000:.2f} ms" for name, seconds in each_s.items()) + "; cases in RAM"
    rows = [
        row(f"{letter}: {threads} threads, sleeping", speed, "samples/s", note) for threads, speed in speeds.items()
    ]
    return rows, [
        at_least(f"{letter}: {SLEEPERS} threads x one, kernels asleep", SLEEP_GOAL, speeds[SLEEPERS] / speeds[1])
    ]


def count_of(name: str, arguments: Sequence[Any]) -> int:
    """Return how many reads or samples a native call does; ``arguments`` begin with the ``Kernels``."""
    return int(arguments[2] if name == "read" else arguments[3])


@contextmanager
def kept_in_ram(scene: Scene, loader: Loader) -> Iterator[Loader]:
    """Yield a loader that has all cases in memory: decompressing them is no part of the measurement."""
    with loader as batches:
        for _ in range(WARM_BATCHES):
            if batches.ram.used_bytes >= scene.cases * math.prod(scene.shape) * BYTES_A_VOXEL:
                break
            next(batches)
        yield batches


def beside(scene: Scene, data: Any, like: Any, plan: Plan) -> tuple[list[Row], list[Goal]]:
    """Measure the training's own small torch calls beside one loader thread, and beside one worker of nnU-Net."""
    letter = scene.name[0]
    idle = small_operations(plan.short_s)
    with drained(stock(like, 1)):
        worker = small_operations(plan.short_s)
    with drained(ours(data, like, 1)):
        thread = small_operations(plan.short_s)
    rows = [
        row(f"{letter}: {SMALL_OPERATIONS} small torch calls, idle", idle, "ms", "median"),
        row(f"{letter}: beside one worker of nnU-Net", worker, "ms", ""),
        row(f"{letter}: beside one thread of Holter", thread, "ms", ""),
    ]
    return rows, [at_most(f"{letter}: small calls beside one thread (x idle)", BESIDE_GOAL, thread / idle)]


def small_operations(seconds: float) -> float:
    """Return the median milliseconds of some thousand small operations: what launching a step on a GPU is."""
    x, took = torch.zeros(8), []
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        began_s = time.perf_counter()
        for _ in range(SMALL_OPERATIONS):
            x.add_(1.0)
        took.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(took)


@contextmanager
def drained(pipeline: Any) -> Iterator[None]:
    """Keep a pipeline busy: another process's or thread's work goes on while batches are taken and dropped."""
    with pipeline as batches:
        next(batches)
        done = threading.Event()

        def take() -> None:
            while not done.is_set():
                next(batches)

        taker = threading.Thread(target=take)
        taker.start()
        try:
            yield
        finally:
            done.set()
            taker.join()


@contextmanager
def replaced(make: Callable[[str], Callable[..., Any]]) -> Iterator[None]:
    """Put other functions in the place of the native calls ``read`` and ``run``."""
    originals = {name: getattr(Kernels, name) for name in ("read", "run")}
    for name in originals:
        setattr(Kernels, name, make(name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(Kernels, name, original)


def trainer_of(name: str) -> Any:
    """Return one of nnU-Net's trainers."""
    variant = "nnUNetTrainer" if name == "nnUNetTrainer" else f"variants.data_augmentation.{name}"
    return getattr(importlib.import_module(f"nnunetv2.training.nnUNetTrainer.{variant}"), name)


def stock_loader(scene: Scene, data: nnUNetDatasetBlosc2) -> nnUNetDataLoader:
    """Return nnU-Net's loader with the transforms of the scene's trainer."""
    trainer = trainer_of(scene.trainer)
    about = SimpleNamespace(
        configuration_manager=SimpleNamespace(patch_size=scene.patch), print_to_log_file=lambda *_, **__: None
    )
    rotation, dummy, initial, mirror = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size(about)
    labels = list(range(1, scene.labels))
    scales = [[1 / 2**level] * len(scene.patch) for level in range(5)]
    transforms = trainer.get_training_transforms(
        scene.patch, rotation, scales, mirror, dummy, use_mask_for_norm=[False], is_cascaded=False,
        foreground_labels=labels, regions=None, ignore_label=None,
    )  # fmt: skip
    manager = SimpleNamespace(all_labels=labels, has_ignore_label=False)
    size = [int(length) for length in initial]
    return nnUNetDataLoader(
        data, scene.batch, size, scene.patch, manager, oversample_foreground_percent=FOREGROUND, transforms=transforms
    )


def chain_of(scene: Scene, like: Any) -> Any:
    """Return our transforms for the same."""
    sampling = sampling_like(like)
    return read_chain(like.transforms, Geometry(scene.patch, sampling.initial_patch_size))


@contextmanager
def stock(like: nnUNetDataLoader, workers: int) -> Iterator[Any]:
    """Yield batches of nnU-Net's own pipeline."""
    augmenter = NonDetMultiThreadedAugmenter(like, None, workers, num_cached=max(6, workers // 2), wait_time=0.002)
    try:
        yield augmenter
    finally:
        augmenter._finish()


def ours(data: Any, like: Any, threads: int, chain: Any = None, **options: Any) -> Loader:
    """Return our loader for the same cases; none is kept in memory."""
    sampling = sampling_like(like)
    made = chain or read_chain(like.transforms, Geometry(sampling.patch_size, sampling.initial_patch_size))
    ahead = batches_for(threads, sampling.batch_size)
    return Loader(
        catalogue_like(data), sampling, made, seed=1, options=Options(threads=threads, depth=ahead, **options)
    )


def rate(batches: Iterator[Any], batch: int, seconds: float) -> Rate:
    """Take batches for that long, after those that were made in advance."""
    for _ in range(8 if batch < 10 else 2):
        next(batches)
    began_s, cpu_s, samples = time.perf_counter(), cpu_of_tree(), 0
    while time.perf_counter() - began_s < seconds:
        samples += len(next(batches)["keys"])
    took_s = time.perf_counter() - began_s
    cpu_ms = (cpu_of_tree() - cpu_s) / samples * 1000
    return Rate(samples / took_s, cpu_ms, memory_of_tree() / 1e6, shared_of_tree() / 1e6)


def tree() -> list[psutil.Process]:
    """Return this process and its children."""
    own = psutil.Process()
    return [own, *own.children(recursive=True)]


def cpu_of_tree() -> float:
    """Return the CPU seconds of all processes so far."""
    return sum(sum(process.cpu_times()[:2]) for process in tree())


def memory_of_tree() -> float:
    """Return the bytes of memory, shared pages divided among those that share them."""
    return float(sum(process.memory_full_info().pss for process in tree()))


def shared_of_tree() -> int:
    """Return the bytes of /dev/shm that are mapped by any process; a semaphore, which is one page, does not count."""
    total = 0
    for process in tree():
        for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
            start, end = (int(part, 16) for part in line.split(maxsplit=1)[0].split("-"))
            if "/dev/shm/" in line and end - start > mmap.PAGESIZE:
                total += end - start
    return total


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
