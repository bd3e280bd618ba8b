"""A machine that others use is not measured, unless it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from holter.bench.busy import refuse_if_busy
from holter.errors import MachineBusy
from holter.probes.machine.cgroup import effective_cpus

SPIN = "import time\nend = time.time() + 60\nwhile time.time() < end: pass"


@pytest.mark.slow
def test_cores_that_others_use_are_said_with_the_command_that_measures_all_the_same() -> None:
    spinning = [subprocess.Popen(["nice", sys.executable, "-c", SPIN]) for _ in range(os.cpu_count() or 1)]
    try:
        with pytest.raises(MachineBusy, match=r"Others use \d+\.\d of this machine's \d+ cores") as said:
            for _ in range(20):  # until all of them have started
                refuse_if_busy(effective_cpus(), "cpu", {}, "holter bench 4 2d")
    finally:
        for process in spinning:
            process.kill()
            process.wait()
    assert said.value.next_step == "holter bench 4 2d --anyway"


@pytest.mark.slow
def test_a_training_that_may_use_little_of_a_machine_is_not_refused_for_the_rest() -> None:
    refuse_if_busy(0.0, "cpu", {}, "holter bench 4 2d")
