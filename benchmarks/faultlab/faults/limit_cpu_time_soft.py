"""Each process may use 25 seconds of CPU: ``ulimit -S -t``; the kernel ends it with SIGXCPU."""

from __future__ import annotations

from benchmarks.faultlab.limits import LimitedTime


class LittleCpuTimeSoft(LimitedTime):
    """As a login node sets it for all users; a process that has used that much is ended."""

    name = "limit-cpu-time-soft"
    summary = "ulimit -S -t 25: the kernel ends each process with SIGXCPU after 25 s of CPU"
    cause = "process-limit"
    ulimit = f"-S -t {LimitedTime.cpu_s}"


SCENARIO = LittleCpuTimeSoft
