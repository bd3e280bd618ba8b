"""The parts of ``benchmarks.study`` that need no training: the simulation, and what counts as equal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import pytest
from benchmarks.material import prepared_brains
from benchmarks.study.ending import SCENE, WHOLE, kill_all, processes_with
from benchmarks.study.killing import Run, trainings
from benchmarks.study.scene import epochs_begun, outcome_of
from benchmarks.study.simulation import PER_GPU_HOUR, WORSE_PER_GPU_HOUR, simulate


@pytest.mark.slow
@pytest.mark.parametrize("per_gpu_hour", [PER_GPU_HOUR, WORSE_PER_GPU_HOUR])
def test_every_simulated_training_is_done_once_or_set_aside(per_gpu_hour: float) -> None:
    found = simulate(300, 16, per_gpu_hour)
    assert found.done + found.aside == 300 and found.aside < 15 and found.more_than_once == 0
    assert 0.9 < found.goodput < 1.0


def test_faults_cost_goodput() -> None:
    assert simulate(300, 16, PER_GPU_HOUR).goodput > simulate(300, 16, 0.1).goodput


def test_summaries_are_compared_without_their_folders(tmp_path: Path) -> None:
    for name, dice in (("a", 0.5), ("b", 0.5), ("c", 0.6)):
        (tmp_path / name / "validation").mkdir(parents=True)
        case = {"prediction_file": f"/{name}/1.nii.gz", "reference_file": "/r/1.nii.gz", "metrics": {"1": float("nan")}}
        content = {"metric_per_case": [case], "foreground_mean": {"Dice": dice}}
        (tmp_path / name / "validation/summary.json").write_text(json.dumps(content))
    one, same, other = (outcome_of(tmp_path / name) for name in "abc")
    assert one == same and one != other and outcome_of(tmp_path / "nothing") is None


def test_epochs_are_counted_over_all_starts(tmp_path: Path) -> None:
    for number, epochs in enumerate(((0, 1), (1, 2))):
        text = "".join(f"2026-11-28 10:00:00.000200: Epoch {epoch} \n" for epoch in epochs)
        (tmp_path / f"training_log_2026_11_28_10_00_0{number}.txt").write_text(text)
    assert epochs_begun(tmp_path) == [0, 1, 1, 2]


# As nnU-Net does: a worker is a fork; here it outlives its training.
WITH_WORKER = """
import os, pathlib, sys, time
hold = pathlib.Path(sys.argv[-1])
if os.fork() == 0:
    time.sleep(600)
while hold.exists():
    time.sleep(0.05)
"""


@pytest.mark.slow
def test_a_worker_that_outlives_its_training_is_no_second_training(tmp_path: Path) -> None:
    program, holds = tmp_path / "nnUNetv2_train", [tmp_path / name for name in ("first", "second")]
    program.write_text(WITH_WORKER)
    scene = mock.Mock(folder=tmp_path, environ={"nnUNet_results": str(tmp_path)})
    environ = {**os.environ, SCENE: str(tmp_path)}
    started, run = [], Run()

    def look() -> list[int]:
        found = trainings(scene)
        run.see(found)
        return sorted(process.pid for process in found)

    def wait_for(count: int) -> None:  # each with its worker
        until_s = time.monotonic() + 60
        while len(processes_with(SCENE, str(tmp_path))) != count:
            assert time.monotonic() < until_s
            time.sleep(0.05)

    try:
        for number, hold in enumerate(holds, 1):
            hold.touch()
            words = [sys.executable, str(program), "Dataset001_A", "2d", "0", str(hold)]
            started.append(subprocess.Popen(words, env=environ))
            wait_for(2 * number)
            assert look() == sorted(process.pid for process in started) and run.twice == number - 1
        holds[0].unlink()
        started[0].wait()
        assert look() == [started[1].pid] and run.twice == 1
    finally:
        kill_all(SCENE, str(tmp_path))
        for process in started:
            process.wait()


STARTING = """
import pathlib, subprocess, sys, time
from benchmarks.material import prepared_brains
from benchmarks.study.ending import nothing_left
with nothing_left(pathlib.Path(sys.argv[1])):
    # As trainings: a session of its own, which starts another one.
    subprocess.Popen(["setsid", "sh", "-c", "setsid sleep 600 & sleep 600"], start_new_session=True)
    time.sleep(0.5)
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -2), (signal.SIGHUP, 129)])
def test_whatever_ends_the_benchmark_no_process_stays(tmp_path: Path, number: int, code: int) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", STARTING, str(tmp_path)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as benchmark:
        assert benchmark.stdout is not None and benchmark.stdout.readline() == b"begun\n"
        assert len(processes_with(WHOLE, str(tmp_path))) >= 3
        benchmark.send_signal(number)
        assert benchmark.wait(60) == code
    assert not processes_with(WHOLE, str(tmp_path))


def test_benchmarks_that_start_together_prepare_their_data_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work: list[int] = []
    most: list[int] = []

    def prepare(folder: Path, progress: object) -> Path:
        at_work.append(1)
        time.sleep(0.05)
        most.append(len(at_work))
        at_work.pop()
        return folder

    monkeypatch.setattr("benchmarks.material.prepare", prepare)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    threads = [threading.Thread(target=prepared_brains) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
