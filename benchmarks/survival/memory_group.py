"""The control group with a memory limit, under the name by which tests of the doctor import it."""

from benchmarks.faults.tools.memory_group import MemoryGroup, find_memory

__all__ = ["MemoryGroup", "find_memory"]
