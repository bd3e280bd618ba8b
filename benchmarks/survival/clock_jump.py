"""The wall clock that jumps, under the name by which a test of the recorder imports it."""

from benchmarks.faults.tools.preload import WallClock

__all__ = ["WallClock"]
