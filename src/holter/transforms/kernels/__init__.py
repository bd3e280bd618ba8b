"""Compiled transforms for the CPU: one call transforms many samples, without the interpreter's lock.

The same transforms exist in torch; those that are missing here run there, and tests compare the two. Labels and noise
are equal bit by bit, images up to rounding.
"""

from holter.transforms.kernels.library import CHOICE, Found, Kernels, found, kernels
from holter.transforms.kernels.program import Bound, Program, program_of
from holter.transforms.kernels.segments import Segment, segments_of

__all__ = ["CHOICE", "Bound", "Found", "Kernels", "Program", "Segment", "found", "kernels", "program_of", "segments_of"]
