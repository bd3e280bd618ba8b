"""A process in a frozen control group, as the probe sees it: real groups of version 1 and version 2."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.evidence.words import is_in_freezer
from holter.probes.process.process import ProcessProbe
from holter.records import ProcessSample
from needs import needs

pytestmark = [pytest.mark.root, needs("root")]

ROOT = Path("/sys/fs/cgroup")
V2 = ROOT if (ROOT / "cgroup.controllers").exists() else ROOT / "unified"
KINDS = {"v1": (ROOT / "freezer", "freezer.state", "FROZEN", "THAWED"), "v2": (V2, "cgroup.freeze", "1", "0")}


def until(look: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10
    while not look():
        assert time.monotonic() < end_s
        time.sleep(0.02)


@pytest.fixture(params=KINDS)
def sleeper(request: pytest.FixtureRequest) -> Iterator[tuple[int, Path, str, str]]:
    parent, file, frozen, thawed = KINDS[request.param]
    group = parent / f"holter-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip(f"no group can be made in {parent}")
    process = subprocess.Popen(request.getfixturevalue("command"), stdout=subprocess.DEVNULL)
    try:
        if not (group / file).exists():
            pytest.skip(f"{parent} has no freezer")
        (group / "cgroup.procs").write_text(str(process.pid))
        yield process.pid, group / file, frozen, thawed
    finally:
        with contextlib.suppress(OSError):
            (group / file).write_text(thawed)
        process.kill()
        process.wait()
        group.rmdir()


def seen(probe: ProcessProbe) -> ProcessSample:
    (sample,) = probe.read(time.monotonic()).samples
    assert isinstance(sample, ProcessSample)
    return sample


LOCK = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"


@pytest.mark.parametrize("command", [("sleep", "60"), (sys.executable, "-c", LOCK), ("cat", "/dev/zero")])
def test_a_frozen_process_is_told_from_one_that_sleeps_works_or_was_stopped(sleeper, command):
    pid, file, frozen, thawed = sleeper
    probe = ProcessProbe(pid)
    assert not is_in_freezer(seen(probe))
    file.write_text(frozen)
    until(lambda: is_in_freezer(seen(probe)))
    file.write_text(thawed)
    until(lambda: not is_in_freezer(seen(probe)))
    os.kill(pid, signal.SIGSTOP)
    until(lambda: seen(probe).state == "T")
    assert not is_in_freezer(seen(probe))
