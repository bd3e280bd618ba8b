"""The plan of one configuration, from nnU-Net's plans, dataset.json and the splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from holter.doctor.records import Plan
from holter.probes.training.preprocessed import folds_in
from holter.texts.plans import read_json

# nnU-Net has no segmentation output at its two coarsest resolutions.
WITHOUT_OUTPUT = 2
IGNORE = "ignore"


def parameters(configuration: Mapping[str, Any], plan: Plan) -> int | None:
    """Return the number of weights of a PlainConvUNet or ResidualEncoderUNet; None for any other network."""
    architecture = configuration.get("architecture") or {}
    name, kwargs = str(architecture.get("network_class_name", "")).rpartition(".")[2], architecture.get("arch_kwargs")
    if name not in ("PlainConvUNet", "ResidualEncoderUNet") or not isinstance(kwargs, dict):
        return None
    residual = name.startswith("Residual")
    features, kernels, strides = kwargs["features_per_stage"], kwargs["kernel_sizes"], kwargs["strides"]
    blocks = kwargs["n_blocks_per_stage"] if residual else kwargs["n_conv_per_stage"]
    total, before = 0, plan.channels
    if residual:
        total += _convolution(before, features[0], kernels[0])
        before = features[0]
    for stage, (width, kernel) in enumerate(zip(features, kernels, strict=True)):
        count = blocks[stage] * (2 if residual else 1)
        total += _convolution(before, width, kernel) + (count - 1) * _convolution(width, width, kernel)
        if residual and before != width:  # the skip connection of the first block
            total += before * width + 2 * width
        before = width
    for stage in range(len(features) - 1):
        width = features[stage]
        total += features[stage + 1] * width * prod(strides[stage + 1]) + width
        total += _convolution(2 * width, width, kernels[stage])
        total += (kwargs["n_conv_per_stage_decoder"][stage] - 1) * _convolution(width, width, kernels[stage])
        total += (width + 1) * plan.heads
    return int(total)


def _convolution(before: int, width: int, kernel: Sequence[int]) -> int:
    # Weights, bias, and the normalisation's two numbers per channel.
    return before * width * prod(kernel) + 3 * width


def plan_of(plans: Mapping[str, Any], configuration: Mapping[str, Any], folder: Path) -> Plan:
    """Return the plan of one configuration; labels, channels, cases and folds come from the files in ``folder``.

    ``plans``: the plans file. ``configuration``: its part for this configuration.
    """
    dataset = read_json(folder / "dataset.json")
    labels = dataset.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    values = [single for value in labels.values() for single in (value if isinstance(value, list) else [value])]
    regions = any(isinstance(value, list) for value in labels.values())
    classes = [name for name in labels if name != IGNORE and not (regions and labels[name] == 0)]
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    cascade = len(classes) - 1 if configuration.get("previous_stage") else 0
    kwargs = (configuration.get("architecture") or {}).get("arch_kwargs") or {}
    stages = int(kwargs.get("n_stages", 6))
    plan = Plan(
        patch_size=tuple(int(side) for side in configuration["patch_size"]),
        batch_size=int(configuration["batch_size"]),
        spacing=tuple(float(side) for side in configuration["spacing"]),
        transpose_forward=tuple(int(axis) for axis in plans.get("transpose_forward", ())),
        channels=(len(channels) or 1) + cascade,
        heads=len(classes) or 2,
        regions=regions,
        labels=tuple(sorted({int(label) for label in values})),
        outputs=max(1, stages - WITHOUT_OUTPUT + 1),
        cases=_int(dataset.get("numTraining")),
        folds=folds_in(folder),
    )
    return msgspec.structs.replace(plan, parameters=parameters(configuration, plan))


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
