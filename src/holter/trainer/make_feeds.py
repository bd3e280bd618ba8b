"""Make two feeds, for training and validation, with the batches that nnU-Net's own data loaders would give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from holter.linux.cgroups import available_bytes
from holter.loader import (
    Catalogue,
    Loader,
    Options,
    Sampling,
    catalogue_like,
    ram_budget_bytes,
    sampling_like,
    seg_dtype_for,
)
from holter.records import Message
from holter.sentences import joined
from holter.trainer.feed import Feed, Place
from holter.trainer.gpu_memory_estimate import needed_bytes, shortage
from holter.trainer.loader_log import LoaderLog
from holter.trainer.memory_fit import LEAST_AHEAD, Fit, Purposes, batches_for, fit
from holter.trainer.memory_fit import needed_bytes as needed_ram
from holter.trainer.sentences import FALL_BACK, STEP, TRAINING, VALIDATION
from holter.trainer.settings import RAM_MOST_BYTES, RAM_SHARE, Settings
from holter.trainer.stock_loaders import StockLoaders
from holter.transforms import Chain, Geometry, read_chain, why_unusable
from holter.transforms.kernels import found
from holter.transforms.resample.dispatch import working_bytes
from holter.transforms.spatial.spatial import Spatial

FALLBACK = "CPU fall-back"  # of holter.transforms.fallback, in a mapping
FOLD = "Convert3DTo2DTransform"


class Purpose(NamedTuple):
    """The purpose of a feed: training or validation."""

    name: Message
    stream: int  # of a rank's two streams
    depth: int  # batches ahead
    ram_share: float


# Validation reads ahead during training: two batches are enough, and its cases are a fifth of all.
TRAIN, VAL = Purpose(TRAINING(), 0, LEAST_AHEAD, 0.8), Purpose(VALIDATION(), 1, 2, 0.2)
STREAMS = 2


class Trainer(NamedTuple):
    """The facts about the trainer that the feeds need."""

    device: torch.device
    rank: int
    ranks: int
    channels: int  # input channels of the network
    seg_channels: int  # channels of the segmentation that are read
    largest_label: int
    seed: int
    log: LoaderLog
    has_own_step: bool = False  # which may copy batches on a stream of its own


class Plan(NamedTuple):
    """All parts of a loader except the device of its transforms."""

    purpose: Purpose
    catalogue: Catalogue
    sampling: Sampling
    chain: Chain


def make_feeds(stock: StockLoaders, trainer: Trainer, settings: Settings) -> tuple[Feed, Feed]:
    """Return the feeds for training and validation, not started yet.

    Raises:  UntestedVersion; BadInput.
    """
    plans = [_plan(loader, purpose) for loader, purpose in zip(stock, (TRAIN, VAL), strict=True)]
    place = _place(plans[0], trainer, settings)
    fitted = _fitted(plans, place, trainer, settings)
    train, val = (_feed(plan, place, trainer, settings, fitted) for plan in plans)
    _tell(plans, place, trainer, settings, fitted)
    return train, val


def training_feed(stock: StockLoaders, trainer: Trainer) -> tuple[Chain, Callable[[Settings], Feed]]:
    """Return the chain of the training transforms, and a function that makes a feed with them on the CPU.

    Raises:  UntestedVersion; BadInput.
    """
    plan, place = _plan(stock.train, TRAIN), Place("cpu")

    def make(settings: Settings) -> Feed:
        return _feed(plan, place, trainer, settings, _fitted([plan, plan], place, trainer, settings))

    return plan.chain, make


def _plan(stock: Any, purpose: Purpose) -> Plan:
    sampling = sampling_like(stock)
    steps = getattr(stock.transforms, "transforms", ())
    is_dummy_2d = any(type(step).__name__ == FOLD for step in steps)
    geometry = Geometry(sampling.patch_size, sampling.initial_patch_size, is_dummy_2d)
    return Plan(purpose, catalogue_like(stock._data), sampling, read_chain(stock.transforms, geometry))


def _place(train: Plan, trainer: Trainer, settings: Settings) -> Place:
    # The GPU if that is asked for, the training runs there, it has enough memory, and it can resample.
    if trainer.device.type != "cuda" or not settings.transforms_on_gpu:
        return Place("cpu")
    sampling = train.sampling
    cuts = any(isinstance(step, Spatial) and step.how.cuts for step in train.chain.steps)
    needed = needed_bytes(
        sampling.batch_size, sampling.patch_size, sampling.initial_patch_size, trainer.channels, trainer.seg_channels,
        working_bytes(trainer.device, trainer.seg_channels, cuts=cuts),
    )  # fmt: skip
    too_little = shortage(needed, trainer.device)
    if too_little is not None:
        trainer.log.say("gpu-short", reason=too_little)
        return Place("cpu")
    geometry = train.chain.geometry
    axes = len(geometry.patch_size) - geometry.is_dummy_2d
    reason = why_unusable(trainer.device, axes, seg_dtype_for(trainer.largest_label))
    if reason is not None:
        trainer.log.say("gpu-failed", reason=reason)
        return Place("cpu")
    return Place(str(trainer.device))


def _wanted(plans: list[Plan], place: Place, trainer: Trainer, settings: Settings) -> Purposes:
    # As if there were memory enough.
    threads = settings.readers(gpu_transforms=place.is_gpu, gpu_training=trainer.device.type == "cuda")
    ahead = settings.batches or batches_for(threads, plans[0].sampling.batch_size)
    return Purposes((ahead, VAL.depth), threads)


def _fitted(plans: list[Plan], place: Place, trainer: Trainer, settings: Settings) -> Fit:
    samplings = [plan.sampling for plan in plans]

    def needed(purposes: Purposes) -> int:
        return needed_ram(purposes, samplings, trainer.channels, trainer.seg_channels, on_gpu=place.is_gpu)

    return fit(_wanted(plans, place, trainer, settings), available_bytes(), needed)


def _feed(plan: Plan, place: Place, trainer: Trainer, settings: Settings, fitted: Fit) -> Feed:
    stream = STREAMS * trainer.rank + plan.purpose.stream

    def make(where: Place, seed: int) -> Loader:
        options = _options(plan.purpose, where, trainer, settings, fitted)
        return Loader(plan.catalogue, plan.sampling, plan.chain, seed=seed, stream=stream, options=options)

    return Feed(make, place, trainer.seed, stream, trainer.log)


def _options(purpose: Purpose, where: Place, trainer: Trainer, settings: Settings, fitted: Fit) -> Options:
    is_cuda = trainer.device.type == "cuda"
    ram = settings.ram_bytes
    if ram is None:
        ram = max(0, min(RAM_MOST_BYTES, ram_budget_bytes(RAM_SHARE) - fitted.needed))
    return Options(
        threads=fitted.chosen.threads,
        depth=fitted.chosen.depths[purpose.stream],
        device=where.device,
        is_pinned=is_cuda and not where.is_gpu,
        trainer_device=str(trainer.device),
        is_reused=not (is_cuda and trainer.has_own_step),
        ram_budget_bytes=int(ram * purpose.ram_share / trainer.ranks),
        ram_as_float16=settings.ram_as_float16,
        is_strict=settings.is_strict,
        largest_label=trainer.largest_label,
        on_trouble=trainer.log.trouble,
    )


def _tell(plans: list[Plan], place: Place, trainer: Trainer, settings: Settings, fitted: Fit) -> None:
    threads, depth = fitted.chosen.threads, fitted.chosen.depths[0]
    trainer.log.say("begins", threads=threads, where=place.device, seed=trainer.seed)
    if fitted.is_short:
        trainer.log.say("memory-short", free=fitted.free, needed=fitted.needed)
    elif fitted.chosen != _wanted(plans, place, trainer, settings):
        trainer.log.say("memory-shrunk", free=fitted.free, needed=fitted.needed, threads=threads, depth=depth)
    if not place.is_gpu:
        compiled = found()
        if compiled.kernels is None:
            trainer.log.say("kernels-missing", reason=compiled.reason)
        else:
            trainer.log.say("kernels", name=compiled.kernels.name)
    for plan in plans:
        pairs = plan.chain.mapping
        mapping = [STEP(stock=stock, step=FALL_BACK() if name == FALLBACK else name) for stock, name in pairs]
        trainer.log.say("chain", purpose=plan.purpose.name, mapping=joined(*mapping) or "-")
        unknown = [stock for stock, step_name in pairs if FALLBACK in step_name]
        if unknown:
            trainer.log.say("fallback", names=", ".join(unknown))
        in_torch = [] if place.is_gpu else plan.chain.not_compiled()
        if in_torch:
            trainer.log.say("in-torch", names=", ".join(in_torch))
