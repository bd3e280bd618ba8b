"""Find out how this machine's matrix product rounds.

torch calls MKL, which rounds a product and its sum once on Intel's processors and twice on others. Stock computes the
positions of voxels with it, and only if these are equal to the last digit, the votes on labels are equal.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

# The corners of a patch, a part of a slice, and a part of a volume: MKL has other code for few rows.
ROWS = (8, 1000, 30_000)


@lru_cache(maxsize=4)
def is_fused(axes: int) -> bool | None:
    """Return whether product and addition are rounded once, together; None if the sum is computed in another way.

    Shapes:  as placement.py multiplies: (N, axes) @ (axes, axes).
    """
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((axes, axes)).astype(np.float32)
    answers = set()
    for rows in ROWS:
        points = (rng.integers(-300, 300, (rows, axes)) + 0.5).astype(np.float32)
        found = torch.matmul(torch.from_numpy(points), torch.from_numpy(matrix)).numpy()
        matching = {fused for fused in (True, False) if np.array_equal(found, _product(points, matrix, fused))}
        answers.add(frozenset(matching))
    common = frozenset.intersection(*answers)
    return min(common) if common else None


def _product(points: NDArray[np.float32], matrix: NDArray[np.float32], fused: bool) -> NDArray[Any]:
    total = points[:, :1] * matrix[:1]
    for axis in range(1, len(matrix)):
        column, row = points[:, axis : axis + 1], matrix[axis : axis + 1]
        exact = column.astype(np.float64) * row if fused else column * row
        total = (exact + total).astype(np.float32)
    return total
