"""Recognise the functions that nnU-Net's trainers give to transforms, by their text.

A function could do anything, so it cannot be read like a range. The few that nnU-Net's own trainers use are known here
word by word; one that was changed, in a fork or a later version, is not taken for them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import lru_cache
from types import FunctionType

import numpy as np

from holter.transforms.scalar import Either, LogUniform, Scalar, Uniform, lower_end, read_scalar

STRENGTH = """
def _brightness_gradient_additive_max_strength(_x, _y):
    return np.random.uniform(-5, -1) if np.random.uniform() < 0.5 else np.random.uniform(1, 5)
"""
GAMMA = """
def _local_gamma_gamma():
    return np.random.uniform(0.01, 0.8) if np.random.uniform() < 0.5 else np.random.uniform(1.5, 4)
"""
WIDTH = """
def _brightnessadditive_localgamma_transform_scale(x, y):
    return np.exp(np.random.uniform(np.log(x[y] // 6), np.log(x[y])))
"""
SHORTEST_SHARE = 6  # of WIDTH: the least width is this part of the axis, in whole voxels


def strength_of(stock: object) -> Scalar | None:
    """Return the distribution of a gradient's strength; None if it is an unknown function."""
    return Either(Uniform(-5, -1), Uniform(1, 5)) if is_known(stock, STRENGTH) else read_scalar(stock)


def gamma_of(stock: object) -> Scalar | None:
    """Return the distribution of a local exponent; None if it is an unknown function."""
    return Either(Uniform(0.01, 0.8), Uniform(1.5, 4)) if is_known(stock, GAMMA) else read_scalar(stock)


def widths_of(stock: object, size: tuple[int, ...]) -> tuple[Scalar, ...] | None:
    """Return the distribution of a bump's width along each axis; None if it is an unknown function, or 0."""
    if is_known(stock, WIDTH):
        # For a shorter axis nnU-Net's own function raises an error.
        return tuple(LogUniform(n // SHORTEST_SHARE, n) for n in size) if min(size) >= SHORTEST_SHARE else None
    width = read_scalar(stock)
    return None if width is None or not lower_end(width) > 0 else (width,) * len(size)


def is_known(function: object, text: str) -> bool:
    """Return whether a function is the one with this text; its name and its comments may be others."""
    if not isinstance(function, FunctionType) or function.__closure__ or function.__defaults__:
        return False
    if function.__globals__.get("np") is not np:
        return False
    try:
        found = _body(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return found is not None and found == _body(text)


@lru_cache(maxsize=32)
def _body(text: str) -> str | None:
    # Arguments and statements, without positions; compared only within one version of Python.
    first = ast.parse(text).body[0]
    if not isinstance(first, ast.FunctionDef) or first.decorator_list:
        return None
    return ast.dump(first.args) + "".join(ast.dump(statement) for statement in first.body)
