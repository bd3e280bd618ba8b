"""The number of weights of a network, from its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from holter.doctor.records import Plan


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
