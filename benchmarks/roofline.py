"""Each transform of the CPU against what the memory of this machine allows, one thread, 128 x 128 x 128 voxels.

The unit is a pass: reading and writing the volume once, measured here. A transform's limit is the number of passes that
it cannot do without: a statistic needs one of its own, and rotation gathers eight voxels and a label for each voxel,
which takes as long as some two dozen passes.
Columns: nnU-Net's own transform, Holter's in torch, and each instruction set of the compiled kernels.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from benchmarks.loader import at_most, row
from benchmarks.organs import mixed_share, organs
from benchmarks.reporting import Goal, Row, conclude, options_of
from holter.transforms import Box, Chain, Geometry, SampleDraw, blur, brightness, contrast, gamma, low_resolution, noise
from holter.transforms.batch_state import Step
from holter.transforms.kernels import Bound, library, program_of
from holter.transforms.kernels.library import Kernels
from holter.transforms.mirror import Mirror
from holter.transforms.scalar import Constant
from holter.transforms.spatial.placement import How
from holter.transforms.spatial.spatial import Spatial, SpatialDraw

PATCH, INITIAL = (128, 128, 128), (205, 205, 205)
GOAL = 3.0  # times the limit
REPEATS = 11
TORCH_REPEATS = 3  # ten times as slow
ANGLES, SCALE = (0.3, -0.2, 0.25), 0.8
ONE = Constant(1.0)


class Case(NamedTuple):
    """A step with one draw, and the passes over the patch that it needs at least."""

    name: str
    step: Step
    draw: Any
    passes: float
    labels: int = 6


def cases() -> list[Case]:
    """Return the transforms of nnU-Net's default trainer, as hard as they are drawn."""
    spatial = Spatial(PATCH, 1, ONE, 1, 1, ONE, 1, How("bilinear", "bilinear", -1), False)
    turned, scaled = SpatialDraw(ANGLES, (1.1,) * 3), SpatialDraw(None, (SCALE,) * 3)
    return [
        *(Case(f"rotation, {labels} labels", spatial, turned, 28, labels) for labels in (2, 6, 38)),
        *(Case(f"scaling, {labels} labels", spatial, scaled, 23, labels) for labels in (2, 6, 38)),
        Case("crop", spatial, SpatialDraw(None, None), 2),
        Case("noise", noise.Noise(ONE, 1, True), noise.NoiseDraw((0,), (0.1,), 5), 2),
        Case("blur", blur.Blur(ONE, 1, False, False, 3), blur.BlurDraw((0,), ((0.95,) * 3,)), 3.5),
        Case("gamma", gamma.Gamma(ONE, 0, 1, 1, False), gamma.GammaDraw((0,), (1.2,), (False,), (True,)), 4),
        Case("contrast", contrast.Contrast(ONE, 1, False, True), brightness.Factors((0,), (1.2,)), 1.75),
        Case("brightness", brightness.Brightness(ONE, 1, False), brightness.Factors((0,), (1.2,)), 1),
        Case(
            "low resolution",
            low_resolution.LowResolution(ONE, 1, False, True, (), None, 3),
            low_resolution.LowResolutionDraw((0,), ((0.6, 0.7, 0.8),)),
            1.75,
        ),
    ]


def main() -> int:
    """Measure, print a table, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("roofline", __doc__, quick="the same: the whole takes a minute")
    options = parser.parse_args()
    torch.set_num_threads(1)
    x = torch.randn(PATCH)
    a_pass_ms = median_ms(lambda: x.mul_(1.0), REPEATS)
    rows: list[Row] = [row("a pass", a_pass_ms, "ms", "reads and writes the volume once")]
    goals: list[Goal] = []
    for case in cases():
        measured = measure(case)
        limit_ms = case.passes * a_pass_ms
        rows.append({"name": case.name, "value": round(limit_ms, 3), "unit": "ms at least", **measured})
        best = next((ms for name, ms in measured.items() if name != "torch"), None)
        goals.append(at_most(f"{case.name} (x its limit)", GOAL, None if best is None else best / limit_ms))
    return conclude(rows, goals, options.json)


def measure(case: Case) -> dict[str, float]:
    """Return the milliseconds of each way."""
    geometry = Geometry(PATCH, INITIAL if isinstance(case.step, Spatial) else PATCH)
    draw = SampleDraw((case.draw,))
    chain = Chain(geometry, (case.step,), ())
    box = chain.needed_box(draw)
    image, seg = inputs(box, case.labels)
    found = {}
    for kernels in library.sets_of(library._library()):
        whole = median_ms(compiled(chain, kernels, image, seg, draw, box), REPEATS)
        if not isinstance(case.step, Spatial):  # less the copy into the batch, which comes before
            bare = Chain(geometry, (Mirror(()),), ())
            whole -= median_ms(compiled(bare, kernels, image, seg, SampleDraw((None,)), box), REPEATS)
        found[kernels.name] = max(0.0, whole)
    vars(chain)["compiled"] = None
    nothing = 0.0
    if not isinstance(case.step, Spatial):  # into new memory, which the other steps find ready
        still = Chain(geometry, (), ())
        vars(still)["compiled"] = None
        nothing = median_ms(lambda: still.apply([image], [seg], [SampleDraw(())], device="cpu"), REPEATS)
    whole = median_ms(lambda: chain.apply([image], [seg], [draw], device="cpu"), TORCH_REPEATS)
    return {**{name: round(ms, 3) for name, ms in found.items()}, "torch": round(max(0.0, whole - nothing), 3)}


def compiled(
    chain: Chain, kernels: Kernels, image: torch.Tensor, seg: torch.Tensor, draw: SampleDraw, box: Box
) -> Callable[[], None]:
    """Return a call of the kernels."""
    program = program_of(chain.steps, chain.geometry, kernels)
    assert program is not None
    bound = Bound(program, *program.empty(1, 1, 1))
    return lambda: bound.write([image], [seg], [draw.draws], [box])


def inputs(box: Box, labels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return organ-like labels and their image, of the size of a box."""
    image, seg = organs(box.shape, labels, seed=1)
    print(f"{labels} labels in {box.shape}: {mixed_share(seg):.1%} of the cells are mixed", file=sys.stderr)
    return torch.from_numpy(image)[None], torch.from_numpy(seg)[None]


def median_ms(call: Callable[[], Any], repeats: int) -> float:
    """Return the median CPU time of this thread for one call, after one that warms up."""
    call()
    took = []
    for _ in range(repeats):
        began_s = time.thread_time()
        call()
        took.append((time.thread_time() - began_s) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
