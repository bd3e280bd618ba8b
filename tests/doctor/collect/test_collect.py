"""Readings of recorded trees and small files, without the whole command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from holter.doctor.checks.software import python_environment
from holter.doctor.collect.files_child import cases_of, files_of, length_problem
from holter.doctor.collect.jobs import lines, merged
from holter.doctor.collect.machine import machine, neighbours
from holter.doctor.collect.order import training_python
from holter.doctor.collect.survey import _software
from holter.doctor.records import Asked, Survey
from holter.errors import BadInput
from holter.probes.child.background_command import BackgroundCommand
from holter.reports.catalogue import phrase
from needs import imported


def recorded(proc: Path, pid: int, ppid: int, command: str, environ: str = "") -> None:
    """One process of a /proc tree."""
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_text(command.replace(" ", "\0") + "\0")
    (folder / "environ").write_text(environ.replace(" ", "\0"))
    (folder / "status").write_text(f"Name:\tpython\nPPid:\t{ppid}\nUid:\t0\t0\t0\t0\nThreads:\t7\n")


def test_trainings_are_found_without_their_workers(tmp_path: Path) -> None:
    training = "python /env/bin/nnUNetv2_train 4 3d_fullres 2 -tr nnUNetTrainer_250epochs"
    recorded(tmp_path, 100, 1, "bash")
    recorded(tmp_path, 200, 100, training, "nnUNet_results=/r nnUNet_preprocessed=/p")
    for pid in (201, 202):
        recorded(tmp_path, pid, 200, training)
    recorded(tmp_path, 300, 100, "nnUNetv2_train 5 2d all")
    found = neighbours(tmp_path)
    assert found is not None
    assert [(training.pid, training.dataset, training.fold, training.results) for training in found] == [
        (200, "4", "2", "/r"),
        (300, "5", "all", None),
    ]
    assert found[0].trainer == "nnUNetTrainer_250epochs"


TRAINING = """
import multiprocessing, sys, time
def work(): time.sleep(600)
context = multiprocessing.get_context("fork")
workers = [context.Process(target=work, daemon=True) for _ in range(2)]
[worker.start() for worker in workers]
print(*(worker.pid for worker in workers), flush=True)
while True: sum(range(1000))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc of Linux")
def test_workers_of_a_killed_training_are_told_from_a_training(tmp_path: Path) -> None:
    script = tmp_path / "nnUNetv2_train"
    script.write_text(TRAINING, encoding="utf-8")
    command = [sys.executable, str(script), "998", "3d_fullres", "3"]
    training = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert training.stdout is not None
    workers = [int(word) for word in training.stdout.readline().split()]

    def seen() -> dict[int, bool]:
        return {neighbour.pid: neighbour.is_orphan for neighbour in neighbours() or () if neighbour.dataset == "998"}

    try:
        assert seen() == {training.pid: False}
        training.kill()
        training.wait()
        assert seen() == dict.fromkeys(workers, True)
    finally:
        training.kill()
        training.wait()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)


def test_what_a_tree_does_not_hold_is_unknown(tmp_path: Path) -> None:
    assert neighbours(tmp_path / "no-proc") is None
    found = machine({"CUDA_VISIBLE_DEVICES": "", "SLURM_JOB_END_TIME": "soon"}, tmp_path / "no-proc")
    assert (found.uptime_s, found.clock_synchronised, found.user_tasks) == (None, None, None)
    assert (found.visible_gpus, found.job_end_unix_s) == ("", None)


def test_the_clock_of_this_machine_is_told_and_not_changed() -> None:
    found = machine({})
    assert found.clock_synchronised in (True, False, None)
    assert (found.uptime_s or 0) > 0


def test_cases_and_their_files() -> None:
    new = {"a.b2nd", "a_seg.b2nd", "a.pkl", "b.b2nd", "b.pkl"}
    assert cases_of(new) == ["a", "b"]
    assert files_of("a", new) == (["a_seg.b2nd", "a.b2nd", "a.pkl"], [])
    assert files_of("b", new)[1] == ["b_seg.b2nd"]
    old = {"a.npz", "a.pkl", "a.npy", "a_seg.npy"}
    assert cases_of(old) == ["a"]
    assert files_of("a", old) == (["a.npz", "a.pkl", "a_seg.npy", "a.npy"], [])


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_a_numpy_file_is_measured_by_its_header(tmp_path: Path, version: tuple[int, int]) -> None:
    numpy = imported("numpy")
    file = tmp_path / "a.npy"
    with file.open("wb") as out:
        numpy.lib.format.write_array(out, numpy.zeros((2, 30, 40), dtype="float32"), version=version)
    assert length_problem(str(file)) is None
    whole = file.stat().st_size
    os.truncate(file, whole - 1)
    assert length_problem(str(file)) == {"code": "cut-short", "size": whole - 1, "wanted": whole}


@pytest.mark.parametrize(
    ("name", "content"), [("a.b2nd", b"x" * 100), ("a.npy", b"x" * 100), ("a.npz", b"x" * 100), ("a.pkl", b"")]
)
def test_what_is_not_what_its_name_says_is_a_problem(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert length_problem(str(tmp_path / name)) is not None


def test_a_child_that_ended_in_the_middle_of_a_line_is_read_up_to_there() -> None:
    text = '{"a": 1}\n{"b": 2}\nnoise\n{"c": '
    assert lines(text) == [{"a": 1}, {"b": 2}]
    assert merged(text) == {"a": 1, "b": 2}


def test_a_folder_that_does_not_exist_yet_is_judged_by_the_one_above(tmp_path: Path) -> None:
    place = tmp_path / "results" / "fold_0"
    done = subprocess.run(
        [sys.executable, "-m", "holter.doctor.collect.disk_child", str(place), "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = merged(done.stdout)
    assert (told["exists"], told["real_path"], told["written"]) == (False, str(tmp_path), True)
    assert abs(told["clock_skew_s"]) < 5
    assert list(tmp_path.iterdir()) == []


def test_random_reads_are_timed_on_images_only(tmp_path: Path) -> None:
    (tmp_path / "a.b2nd").write_bytes(os.urandom(1 << 20))
    (tmp_path / "a.pkl").write_bytes(b"x")
    command = [sys.executable, "-m", "holter.doctor.collect.disk_child", str(tmp_path), "0.4"]
    told = merged(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told["reads"] > 0
    assert 0 < told["read_latency_s"] <= told["read_latency_p95_s"]
    assert told["read_bytes_per_s"] > 0


def test_the_python_of_the_training_is_the_one_beside_its_command(tmp_path: Path) -> None:
    bin_folder = tmp_path / "env" / "bin"
    bin_folder.mkdir(parents=True)
    for name in ("python", "nnUNetv2_train"):
        (bin_folder / name).write_text("#!/bin/sh\n")
        (bin_folder / name).chmod(0o755)
    assert training_python(None, {"PATH": str(bin_folder)}) == str(bin_folder / "python")
    assert training_python(str(tmp_path / "env"), {}) == str(bin_folder / "python")
    assert training_python(None, {"CONDA_PREFIX": str(tmp_path / "env")}) == str(bin_folder / "python")
    assert training_python(None, {}) == sys.executable
    with pytest.raises(BadInput, match="not a Python"):
        training_python(str(tmp_path / "nothing"), {})


@pytest.mark.slow
@pytest.mark.parametrize(("then", "is_broken"), [("time.sleep(60)", False), ("os.kill(os.getpid(), 11)", True)])
def test_an_import_that_is_late_is_no_broken_installation(then: str, is_broken: bool) -> None:
    """On a busy machine or a slow disk torch needs minutes; to install it again would not help."""
    facts = {
        "python": "3.11.7",
        "executable": "/env/bin/python",
        "packages": [["torch", "2.8.0"], ["nnunetv2", "2.8.1"]],
    }
    program = f"import os, time; print({json.dumps(json.dumps(facts))}, flush=True); {then}"
    job = BackgroundCommand((sys.executable, "-S", "-c", program), deadline_s=20.0 if is_broken else 3.0)
    until_s = time.monotonic() + 60
    while job.outcome() is None and time.monotonic() < until_s:
        time.sleep(0.05)
    found = python_environment(msgspec.structs.replace(Survey(asked=Asked()), software=_software(job)))
    assert found.state == ("no-go" if is_broken else "unknown")
    assert "importing torch: " in phrase(dict(found.values)["why"], "en")


def test_a_python_without_torch_is_told_apart_from_a_broken_one() -> None:
    child = Path(training_python.__code__.co_filename).with_name("software_child.py")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(child), "cpu"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    told = merged(done.stdout)
    assert told["packages"] == []
    assert "ModuleNotFoundError" in told["torch_error"]
    assert json.loads(done.stdout.splitlines()[0])["python"]
