"""The transforms of a CPU, compiled: one call for a job of many samples, without the interpreter's lock.

The transforms in torch are their twin: what is not here runs there, and the tests compare the two. Labels are equal to
the bit, images up to rounding; noise is the same.
"""

from holter.transforms.kernels.library import CHOICE, Found, found, kernels
from holter.transforms.kernels.program import Bound, Program, Segment, program_of, segments_of

__all__ = ["CHOICE", "Bound", "Found", "Program", "Segment", "found", "kernels", "program_of", "segments_of"]
