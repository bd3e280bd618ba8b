"""Each process may use 25 seconds of CPU: ``ulimit -t``, which sets the hard limit too; the kernel sends SIGKILL."""

from __future__ import annotations

from benchmarks.faultlab.limits import LimitedTime


class LittleCpuTime(LimitedTime):
    """As a login node sets it for all users; only the limit itself distinguishes it from a kill by hand."""

    name = "limit-cpu-time"
    summary = "ulimit -t 25: the kernel ends each process with SIGKILL after 25 s of CPU"
    cause = "process-limit"
    ulimit = f"-t {LimitedTime.cpu_s}"


SCENARIO = LittleCpuTime
