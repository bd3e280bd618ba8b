"""Everybody else on the machine: real processes beside a training that is ours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from holter.linux.procfs import list_numbers
from holter.probes.machine.host import HostProbe
from holter.probes.machine.neighbours import NeighbourReader, Neighbours
from holter.records import HostSample

BUSY = "while True: pass"
IDLE = "import time; time.sleep(60)"
# Started by a shell of its own: a child of this process counts as ours, as the recorder's own helpers do.
ORPHAN = (
    "import subprocess, sys; p = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL); print(p.pid, flush=True)"
)


class World:
    """Processes that are started for a test, and ended with it."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def stranger(self, *command: str, **variables: str) -> int:
        made = subprocess.run(
            [sys.executable, "-c", ORPHAN, *command],
            stdout=subprocess.PIPE, env={**os.environ, **variables}, check=True,
        )  # fmt: skip
        self.pids.append(int(made.stdout))
        return self.pids[-1]

    def close(self) -> None:
        for pid in self.pids:
            os.kill(pid, 9)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def _look(ours: set[int], between: float = 1.0) -> Neighbours:
    reader = NeighbourReader(lambda: ours, 0.0, Path("/proc"))
    assert reader.read(0.0) is not None
    began = time.monotonic()
    time.sleep(between)
    found = reader.read(max(1000.0, time.monotonic() - began))
    assert found is not None
    return found


def _training(world: World, dataset: str, fold: str, preprocessed: str = "/data/pre") -> int:
    return world.stranger(
        sys.executable, "-c", IDLE, "nnUNetv2_train", dataset, "3d_fullres", fold, nnUNet_preprocessed=preprocessed
    )


@pytest.mark.slow
def test_a_busy_stranger_is_named_with_its_cores(world: World) -> None:
    ours = world.stranger(sys.executable, "-c", BUSY)
    busy = psutil.Process(world.stranger(sys.executable, "-c", BUSY))
    reader = NeighbourReader(lambda: {ours}, 0.0, Path("/proc"))
    reader.read(0.0)
    end_s = time.monotonic() + 60
    while sum(busy.cpu_times()[:2]) < 4 and time.monotonic() < end_s:  # however many share the machine
        time.sleep(0.1)
    with_it = reader.read(10.0)
    assert with_it is not None and with_it.cpu_cores is not None
    assert with_it.cpu_cores > 0.3
    assert any(name.startswith("python") for name in with_it.busiest)


@pytest.mark.slow
def test_own_processes_and_the_recorder_are_no_strangers(world: World) -> None:
    ours = world.stranger(sys.executable, "-c", BUSY)
    everybody = {*(list_numbers("/proc") or ()), ours}
    found = _look(everybody)
    assert found.cpu_cores is not None
    assert found.cpu_cores < 0.01


@pytest.mark.slow
def test_another_training_on_the_same_data_is_told_with_its_fold(world: World) -> None:
    ours = _training(world, "4", "0")
    same_fold = _training(world, "Dataset004_Hippocampus", "0", "/data/pre/")
    other_fold = _training(world, "004", "1")
    elsewhere = _training(world, "4", "0", "/other")
    other_data = _training(world, "5", "0")
    found = {
        training.pid: (training.same_data, training.same_fold)
        for training in _look({ours}).trainings
        if training.pid in world.pids
    }
    assert found == {
        same_fold: (True, True),
        other_fold: (True, False),
        elsewhere: (False, False),
        other_data: (False, False),
    }


@pytest.mark.slow
def test_a_training_with_its_wrapper_and_workers_is_one(world: World) -> None:
    ours = world.stranger(sys.executable, "-c", IDLE)
    code = (
        "import os, subprocess, sys, time\n"
        "if sys.argv[1] == 'wrap':\n"
        "    subprocess.Popen([sys.executable, '-c', sys.argv[2], *sys.argv[3:]])\n"
        "else:\n"
        "    [os.fork() for _ in range(1)]\n"
        "time.sleep(30)\n"
    )
    training = ("train", "nnUNetv2_train", "4", "3d_fullres", "0")
    top = world.stranger(sys.executable, "-c", code, "wrap", code, *training)
    deadline = time.monotonic() + 20
    found: tuple[int, ...] = ()
    while not found and time.monotonic() < deadline:
        # Others on this machine may train too.
        seen = [training.pid for training in _look({ours}, 0.5).trainings]
        found = tuple(pid for pid in seen if pid == top or top in _ancestors(pid))
    below = [pid for pid in list_numbers("/proc") or () if _parent(pid) in (top, *found)]
    world.pids += [pid for pid in below if pid not in world.pids]
    assert len(found) == 1
    assert _parent(found[0]) == top


def _ancestors(pid: int) -> list[int]:
    above = []
    while pid := _parent(pid) or 0:
        above.append(pid)
    return above


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


FORKS = """
import os, sys, time
worker = os.fork()
if worker: print(worker, flush=True); time.sleep(60)
time.sleep(60)
"""


@pytest.mark.slow
def test_an_idle_worker_of_a_dead_training_is_no_training(tmp_path: Path) -> None:
    script = tmp_path / "nnUNetv2_train"
    script.write_text(FORKS, encoding="utf-8")
    main = subprocess.Popen([sys.executable, script, "997", "2d", "0"], stdout=subprocess.PIPE, text=True)
    assert main.stdout is not None
    worker = int(main.stdout.readline())
    try:
        main.kill()
        main.wait()
        assert worker not in {training.pid for training in _look({os.getpid()}).trainings}
    finally:
        main.kill()
        main.wait()
        os.kill(worker, 9)


def test_nothing_is_said_before_anybody_is_ours_and_between_two_looks() -> None:
    assert NeighbourReader(lambda: (), 0.0, Path("/proc")).read(0.0) is None
    reader = NeighbourReader(lambda: {1}, 0.0, Path("/proc"))
    assert reader.read(0.0) is not None
    assert reader.read(5.0) is None
    assert reader.read(5000.0) is not None


def test_the_host_sample_carries_them(world: World) -> None:
    ours = world.stranger(sys.executable, "-c", IDLE)
    probe = HostProbe(ours=lambda: {ours})
    samples = [sample for t_s in (0.0, 1.0, 5000.0) for sample in probe.read(t_s).samples]
    hosts = [sample for sample in samples if isinstance(sample, HostSample)]
    assert [host.others_cpu_cores is None for host in hosts] == [True, True, False]
    assert [host.other_trainings is None for host in hosts] == [False, True, False]


def test_a_process_that_is_gone_or_another_users_says_nothing_of_its_data(tmp_path: Path) -> None:
    tail = " ".join(["0"] * 40)

    def process(pid: int, *words: str, environ: str | None) -> None:
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (python) S 1 {pid} {pid} 0 -1 0 {tail}")
        (folder / "cmdline").write_text("\0".join(words) + "\0")
        if environ is not None:
            (folder / "environ").write_text(environ)

    process(10, "python", "/v/bin/nnUNetv2_train", "4", "2d", "0", environ="nnUNet_preprocessed=/p\0")
    process(11, "python", "/v/bin/nnUNetv2_train", "4", "2d", "1", environ=None)
    reader = NeighbourReader(lambda: {10}, 0.0, tmp_path)
    found = reader.read(0.0)
    assert found is not None
    assert [(training.pid, training.same_data, training.same_fold) for training in found.trainings] == [
        (11, None, None)
    ]
