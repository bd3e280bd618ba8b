"""The compiled kernels of this machine, one for each instruction set, for tests."""

from __future__ import annotations

from functools import cache

from holter.transforms.kernels import library
from holter.transforms.kernels.build import CannotCompile
from holter.transforms.kernels.library import Kernels


@cache
def all_kernels() -> dict[str, Kernels]:
    """By the name of the instruction set, the fastest first; empty where nothing can be compiled."""
    try:
        return {made_for.name: made_for for made_for in library.sets_of(library._library())}
    except CannotCompile:
        return {}
