"""A process that has ended gives back its PID, which may be another's when the training is ended for a restart."""

from __future__ import annotations

import subprocess
import sys

from holter.supervisor.healing.end_group import end_group

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


def test_a_process_that_has_the_pid_of_an_ended_training_is_left_alone() -> None:
    training = subprocess.Popen((sys.executable, "-c", ""))
    training.wait()
    with subprocess.Popen(SLEEP) as other:
        try:
            training.pid = other.pid  # as the kernel gives it again
            assert end_group(training, lambda: frozenset((other.pid,))) == ()
            assert other.poll() is None
        finally:
            other.kill()


def test_a_living_training_is_ended() -> None:
    with subprocess.Popen(SLEEP) as training:
        assert end_group(training, frozenset) == ()
        assert training.returncode is not None
