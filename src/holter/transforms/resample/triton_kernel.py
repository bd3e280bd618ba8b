"""Resample one sample on CUDA: image and segmentation in one launch, without a grid in memory.

Every voxel of the patch computes its position in the source, reads the corners around it, sums the image and lets the
labels vote. Products and sums are rounded one by one (``enable_fp_fusion=False``), except the multiply-adds that
stock's matrix product fuses, so the votes equal those of the CPU.
"""

from contextlib import nullcontext
from inspect import signature

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from holter.transforms.spatial.placement import How, Placement, reaches_outside
from holter.transforms.spatial.vote import Rule, pair_of_labels

BLOCK = 256
MODES = {"bilinear": False, "nearest": True}


def resample(image: Tensor, seg: Tensor, place: Placement, how: How, into: tuple[Tensor, Tensor]) -> None:
    """Write the resampled image and segmentation of one sample into the two tensors of ``into``; all are contiguous.

    ``place``: where the patch lies in the source. ``how``: interpolation, and the label outside the source.
    Shapes:  image (C, *read) float32 and seg (S, *read) int8 or int16: the part of the source that was read, which
             begins at ``place.lower``; into: image (C, *patch) and seg (S, *patch).
    """
    reaches = reaches_outside(place)
    pair = pair_of_labels(seg.flatten(1), Rule(how.pad, reaches))
    read = tuple(image.shape[1:])
    missing = 3 - place.axes  # a 2D sample is treated as one slice
    sizes = [(1,) * missing + size for size in (place.patch, place.source, read)]
    lower = (0,) * missing + place.lower
    affine = np.zeros((3, 3), np.float32)
    affine[missing:, missing:] = place.affine
    voxels = int(np.prod(place.patch))
    # a thread other than the main one uses the first GPU by default, whatever the process has chosen
    with torch.cuda.device(image.device) if image.is_cuda else nullcontext():
        _kernel[(triton.cdiv(voxels, BLOCK),)](
            image, seg, into[0], into[1], pair.two.to(torch.int32), pair.low.to(torch.int32), pair.high.to(torch.int32),
            voxels, len(image), len(seg), how.pad, *sizes[0], *sizes[1], *sizes[2], *lower, *affine.ravel().tolist(),
            int(reaches), corners=2**place.axes, block=BLOCK,
            image_nearest=MODES[how.image_mode], seg_nearest=MODES[how.seg_mode], enable_fp_fusion=False,
        )  # fmt: skip


@triton.jit
def _voxel(g0, g1, g2, a0, a1, a2, size):
    # Source coordinate along one axis, rounded like a float32 matrix product, division and grid_sample.
    total = tl.fma(g2, a2, tl.fma(g1, a1, g0 * a0))
    half = tl.zeros_like(total) + size * 0.5
    return ((tl.div_rn(total, half) + 1.0) * size - 1.0) * 0.5


@triton.jit
def _side(u, f, low, side: tl.constexpr):
    # Weight of one side of a cell along one axis, and its position in the part that was read.
    weight = (f + 1.0) - u
    if side == 1:
        weight = u - f
    return weight, f.to(tl.int32) + side - low


@triton.jit
def _corner(u0, u1, u2, f0, f1, f2, l0, l1, l2, b0, b1, b2, corner: tl.constexpr):
    # Weight of a corner, whether it is inside the source, and its index in a channel.
    w0, i0 = _side(u0, f0, l0, corner // 4)
    w1, i1 = _side(u1, f1, l1, (corner // 2) % 2)
    w2, i2 = _side(u2, f2, l2, corner % 2)
    inside = (i0 >= 0) & (i0 < b0) & (i1 >= 0) & (i1 < b1) & (i2 >= 0) & (i2 < b2)
    return w2 * w1 * w0, inside, (i0 * b1 + i1) * b2 + i2


@triton.jit
def _later(u, f):
    # 1 if the next voxel is nearer; halves go to the even one.
    ahead = u - f
    return ((ahead > 0.5) | ((ahead == 0.5) & ((f.to(tl.int32) & 1) == 1))).to(tl.int32)


# Sizes, corners and the alignment of a slice differ between samples: specialised kernels would be compiled again for
# each pattern of them, in the middle of a training, and a batch would wait a second for it.
_POINTERS = ["image", "seg", "out_image", "out_seg", "two_at", "low_at", "high_at"]
_SIZES = ["voxels", "channels", "seg_channels", "pad", "reaches_pad", *(f"{x}{i}" for x in "psbl" for i in range(3))]
_knows_alignment = "do_not_specialize_on_alignment" in signature(triton.jit).parameters  # since Triton 3.2


@triton.jit(do_not_specialize=_SIZES, **({"do_not_specialize_on_alignment": _POINTERS} if _knows_alignment else {}))
def _kernel(
    image, seg, out_image, out_seg, two_at, low_at, high_at,
    voxels, channels, seg_channels, pad, p0, p1, p2, s0, s1, s2, b0, b1, b2, l0, l1, l2,
    a00, a01, a02, a10, a11, a12, a20, a21, a22, reaches_pad,
    corners: tl.constexpr, image_nearest: tl.constexpr, seg_nearest: tl.constexpr,
    block: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0) * block + tl.arange(0, block)
    valid = at < voxels
    g0 = (at // (p1 * p2)).to(tl.float32) - (p0 - 1) * 0.5
    g1 = ((at // p2) % p1).to(tl.float32) - (p1 - 1) * 0.5
    g2 = (at % p2).to(tl.float32) - (p2 - 1) * 0.5
    u0 = _voxel(g0, g1, g2, a00, a01, a02, s0)
    u1 = _voxel(g0, g1, g2, a10, a11, a12, s1)
    u2 = _voxel(g0, g1, g2, a20, a21, a22, s2)
    f0, f1, f2 = tl.floor(u0), tl.floor(u1), tl.floor(u2)
    nearest = (_later(u0, f0) * 2 + _later(u1, f1)) * 2 + _later(u2, f2)
    read = b0 * b1 * b2

    for channel in range(channels):
        value = tl.zeros((block,), tl.float32)
        for i in tl.static_range(corners):
            weight, inside, index = _corner(u0, u1, u2, f0, f1, f2, l0, l1, l2, b0, b1, b2, i)
            sample = tl.load(image + channel * read + index, mask=inside & valid, other=0.0)
            share = (nearest == i).to(tl.float32) if image_nearest else weight
            value = value + sample * share
        tl.store(out_image + channel * voxels + at, value, mask=valid)

    for channel in range(seg_channels):
        labels = seg + channel * read
        two, low, high = tl.load(two_at + channel), tl.load(low_at + channel), tl.load(high_at + channel)
        best = tl.zeros((block,), tl.float32) - 1.0
        winner = tl.zeros((block,), tl.int32)
        own = tl.zeros((block,), tl.int32)
        own_score = tl.zeros((block,), tl.float32)
        high_score = tl.zeros((block,), tl.float32)
        for i in tl.static_range(corners):
            weight, inside, index = _corner(u0, u1, u2, f0, f1, f2, l0, l1, l2, b0, b1, b2, i)
            label = tl.load(labels + index, mask=inside & valid, other=pad).to(tl.int32)
            own = tl.where(nearest == i, label, own)
            if not seg_nearest:
                total = tl.zeros((block,), tl.float32)
                others = tl.zeros((block,), tl.float32)
                for j in tl.static_range(corners):
                    weight_j, inside_j, index_j = _corner(u0, u1, u2, f0, f1, f2, l0, l1, l2, b0, b1, b2, j)
                    label_j = tl.load(labels + index_j, mask=inside_j & valid, other=pad).to(tl.int32)
                    total = total + tl.where(label_j == label, weight_j * 1000.0, 0.0)
                    others = others + tl.where(label_j == pad, 0.0, weight_j * 1000.0)
                total = tl.where((reaches_pad != 0) & (label == pad), 1000.0 - others, total)
                score = total.to(tl.float16).to(tl.float32)
                wins = (score > best) | ((score == best) & (label < winner))
                winner = tl.where(wins, label, winner)
                best = tl.where(wins, score, best)
                own_score = tl.where(nearest == i, score, own_score)
                high_score = tl.where(label == high, score, high_score)
        if seg_nearest:
            result = own
        else:
            of_several = tl.where(own_score == best, own, winner)
            of_two = tl.where(high_score > 500.0, high, tl.where(high_score == 500.0, own, low))
            result = tl.where(two != 0, of_two, of_several)
        tl.store(out_seg + channel * voxels + at, result.to(tl.int16), mask=valid)
