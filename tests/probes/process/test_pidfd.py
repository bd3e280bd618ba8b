from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.probes.process.pidfd import Ending, ExitWatch, ending_of

# A grandchild of ours ends as told, and its parent collects it at once.
PARENT = """
import os, sys
child = os.fork()
if child == 0:
    sys.stdin.read(1)
    exec(sys.argv[1])
    os._exit(0)
print(child, flush=True)
os.waitpid(child, 0)
print("collected", flush=True)
sys.stdin.read()
"""
KERNEL = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


@pytest.mark.skipif(KERNEL < (6, 15), reason="the kernel tells exit codes through a pidfd since 6.15")
@pytest.mark.parametrize(
    ("last_act", "ending"),
    [
        ("os._exit(0)", Ending(0, None)),
        ("os._exit(7)", Ending(7, None)),
        ("os.kill(os.getpid(), 9)", Ending(None, signal.SIGKILL)),
        ("os.kill(os.getpid(), 7)", Ending(None, signal.SIGBUS)),
        ("os.kill(os.getpid(), 11)", Ending(None, signal.SIGSEGV)),
    ],
)
def test_the_ending_of_a_process_that_is_not_our_child_and_was_collected_is_known(
    last_act: str, ending: Ending
) -> None:
    command = [sys.executable, "-S", "-c", PARENT, last_act]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        pid = int(parent.stdout.readline())
        watch = ExitWatch()
        watch.add(pid)
        parent.stdin.write("x")
        parent.stdin.flush()
        assert parent.stdout.readline().strip() == "collected"
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert watch.take_ending(pid) == ending
        watch.close()


def test_a_process_that_still_lives_has_no_ending() -> None:
    with subprocess.Popen(["sleep", "30"]) as child:
        watch = ExitWatch()
        watch.add(child.pid)
        assert watch.take_ending(child.pid) is None
        child.kill()


def test_a_process_that_was_never_watched_has_no_known_ending() -> None:
    assert ExitWatch().take_ending(1) is None


def test_a_process_that_is_gone_already_cannot_be_watched() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    watch = ExitWatch()
    watch.add(child.pid)
    assert watch.take_ending(child.pid) is None


def test_descriptors_are_given_back() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with subprocess.Popen(["sleep", "30"]) as child:
        watch = ExitWatch()
        watch.add(child.pid)
        watch.add(child.pid)
        time.sleep(0.01)
        watch.close()
        child.kill()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_wait_statuses_are_told_apart() -> None:
    assert ending_of(1792) == Ending(7, None)
    assert ending_of(139) == Ending(None, 11)  # with a core file
