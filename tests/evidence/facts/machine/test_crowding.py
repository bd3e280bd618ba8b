"""How workers share the CPUs, seen by the real probe in small programs that do what libraries do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from holter.evidence import Evidence, collect
from holter.probes.machine.host import HostProbe
from holter.probes.process.process import ProcessProbe
from holter.records import Episode, Fact, HostSample, ProcessSample, Role, Tick
from holter.reports.catalogue import phrase
from holter.tape import Recording

# Three forked workers; what they do, and what was done before they were forked, is the first argument.
PROGRAM = """
import hashlib, os, sys, threading, time
def spin():
    block = bytes(1 << 20)
    while True:
        hashlib.sha256(block).digest()  # without the GIL, as libraries compute
time.sleep(1.5)
if sys.argv[1] == "pinned":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for number in range(3):
    if os.fork() == 0:
        if sys.argv[1] == "crowd":
            [threading.Thread(target=spin, daemon=True).start() for _ in range(11)]
        spin()
print("ready", flush=True)
time.sleep(60)
"""
WATCHED_S = 13.0

pytestmark = pytest.mark.slow


@contextmanager
def program(kind: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", PROGRAM, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as root:
        try:
            yield root
        finally:
            subprocess.run(["kill", "-9", "--", f"-{root.pid}"], check=False)


def watched(kind: str) -> Evidence:
    """What a slow-down would be explained with, had it begun while this program ran."""
    with program(kind) as root:
        hints: dict[int, tuple[Role, int | None]] = {root.pid: ("main", None)}
        probe = ProcessProbe(root.pid, hints=hints)
        host = HostProbe(ours=lambda: set(hints))
        ticks = []
        began = time.monotonic()
        while (t_s := time.monotonic() - began) < WATCHED_S:
            processes = tuple(sample for sample in probe.read(t_s).samples if isinstance(sample, ProcessSample))
            hints.update({process.pid: ("train-worker", None) for process in processes if process.pid != root.pid})
            machine = next(sample for sample in host.read(t_s).samples if isinstance(sample, HostSample))
            ticks.append(Tick(t_s=t_s, host=machine, processes=processes))
            time.sleep(0.5)
        probe.close()
    episode = Episode(kind="slow-down", phase="train", start_s=4.0, alarm_s=t_s - 1)
    return collect(Recording(all_ticks=tuple(ticks)), episode)


@pytest.fixture(scope="module")
def pinned() -> Evidence:
    return watched("pinned")


@pytest.fixture(scope="module")
def crowd() -> Evidence:
    return watched("crowd")


def test_workers_that_inherited_a_pin_are_told_from_what_the_training_had_at_first(pinned: Evidence) -> None:
    if (cpus := pinned.fact("cpu.visible").value) == 1:
        pytest.skip("one CPU cannot be narrowed")
    assert isinstance(cpus, int)
    assert pinned.fact("affinity.narrowed").value is True
    assert phrase(pinned.fact("affinity.narrowed").detail or "", "en").startswith(
        "CPUs: workers 1, the training at first "
    )
    assert pinned.fact("workers.per_cpu_seen").value == 3.0


def test_three_workers_on_one_cpu_wait_for_it_most_of_the_time(pinned: Evidence) -> None:
    waited = pinned.fact("cpu.queue_ratio").value
    if waited is None:
        pytest.skip("this kernel does not tell how long a process waits for a CPU")
    assert isinstance(waited, float)
    assert waited > 0.5


def test_a_worker_with_one_thread_has_no_running_threads_to_speak_of(pinned: Evidence) -> None:
    assert pinned.fact("workers.threads").value == 1
    assert pinned.fact("workers.running_threads").status == "not-applicable"


def test_a_crowd_of_threads_is_counted_where_they_run(crowd: Evidence) -> None:
    assert crowd.fact("affinity.narrowed").value is False
    assert crowd.fact("workers.threads").value == 12
    running = crowd.fact("workers.running_threads").value
    assert isinstance(running, float)
    assert running >= 2.0
    switches = crowd.fact("workers.switches_per_s").value
    assert isinstance(switches, float)
    assert switches > 0


def test_what_others_use_is_the_machines_less_our_own(crowd: Evidence) -> None:
    others = crowd.fact("host.others_cpu_ratio").value
    assert isinstance(others, float)
    assert 0.0 <= others <= 1.0
    assert crowd.fact("trainings.others").status == "known"


def waited_and_used(waited_s: float, used_s: float) -> Fact:
    """What is said of a main process that waited and computed so long in each second."""
    ticks = tuple(
        Tick(
            t_s=t_s,
            processes=(
                ProcessSample(t_s=t_s, pid=1, role="main", cpu_s_total=used_s * t_s, cpu_wait_s_total=waited_s * t_s),
            ),
        )
        for t_s in (float(second) for second in range(40))
    )
    return collect(
        Recording(all_ticks=ticks), Episode(kind="slow-down", phase="train", start_s=4.0, alarm_s=39.0)
    ).fact("cpu.queue_ratio")


def test_a_run_that_sleeps_does_not_wait_for_a_cpu() -> None:
    """The few milliseconds that it wants it may wait for: 100 % of nearly nothing."""
    asleep = waited_and_used(waited_s=0.01, used_s=0.0)
    assert asleep.status == "not-applicable"
    assert asleep.reason is not None and "hardly wanted a CPU" in phrase(asleep.reason, "en")


def test_a_run_that_wants_a_cpu_and_gets_none_is_seen_however_little_it_uses() -> None:
    starved = waited_and_used(waited_s=0.9, used_s=0.05)
    assert starved.value == pytest.approx(0.9 / 0.95, abs=0.001)


def test_without_processes_nothing_is_known() -> None:
    nothing = collect(Recording(), Episode(kind="slow-down", start_s=1.0, alarm_s=2.0))
    for name in (
        "workers.threads", "workers.running_threads", "workers.per_cpu_seen", "affinity.narrowed", "cpu.queue_ratio",
        "host.others_cpu_ratio", "trainings.others", "unpack.raced", "finish.done", "output.hidden", "reading.share",
        "workers.reborn_ratio", "cache.reads_late_ratio", "hardware.kernel_errors", "main.extra_step",
    ):  # fmt: skip
        assert nothing.fact(name).status == "unknown", name
