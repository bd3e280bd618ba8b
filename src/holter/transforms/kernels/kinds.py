"""The kinds of steps that the compiled kernels know, as ``api.h`` and ``stage.h`` number them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

# enum Kind of api.h
PLACE, MULTIPLY, CONTRAST, GAMMA, NOISE, BLUR, COARSEN, MIRROR, MASK, REPLACE, MEDIAN = range(11)
ADD, SHARPEN, RECTANGLE, GRADIENT, LOCAL_GAMMA, REORDER, ONE_HOT, DROP, OPERATE, COMPONENT = range(11, 21)
GROW, SHRINK, GROW_SHRINK, SHRINK_GROW = range(4)  # enum Operator of stage.h

Numbers: TypeAlias = list[float]
Encode: TypeAlias = Callable[[Any, Numbers], None]  # the draw of a step, and the list that its numbers are added to
