"""Two queues on one GPU: a training that was just started holds no memory there, and nobody sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.records import Message
from holter.study.queue import Slot
from holter.study.seats import SEAT, Seats, inherited
from needs import needs
from nvml.fake_nvml import FakeGpu
from study.conftest import World

GPU = Slot("gpu-0", 0)
# In place of the Python that would run ``-m holter train DATASET CONFIGURATION FOLD …``.
SCRIPT = """#!/bin/bash
echo "begins $5 $6" >> "{log}"
sleep 0.5
fold="{results}/$4/nnUNetTrainer__nnUNetPlans__$5/fold_$6"
mkdir -p "$fold/validation" && touch "$fold/checkpoint_final.pth" "$fold/validation/summary.json"
echo "ends $5 $6" >> "{log}"
"""


def test_a_device_is_taken_until_the_training_that_has_inherited_it_ends(tmp_path: Path) -> None:
    said: list[Message] = []
    ours, theirs = Seats(tmp_path, said.append), Seats(tmp_path, said.append)
    assert ours.take(GPU) and ours.take(GPU)
    assert not theirs.take(GPU) and not theirs.take(GPU)
    assert [message.key for message in said] == ["study.gpu-of-another-queue"], "once"
    assert theirs.take(Slot("gpu-1", 1)) and theirs.take(Slot("gpu-0-mig-0", 0, "MIG-1")), "others"
    assert theirs.take(Slot("cpu-0")) and ours.take(Slot("cpu-0")), "CPUs are shared"
    training = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=ours.to_inherit(GPU))
    ours.given(GPU)
    assert ours.to_inherit(GPU) == () and not theirs.take(GPU)
    training.communicate()
    assert theirs.take(GPU)
    theirs.given(GPU)
    assert ours.take(GPU), "no training was started"


def test_holter_train_hands_the_device_on_to_its_training(tmp_path: Path) -> None:
    ours, theirs = Seats(tmp_path, lambda _: None), Seats(tmp_path, lambda _: None)
    assert ours.take(GPU)
    environ = {SEAT: str(*ours.to_inherit(GPU))}
    assert inherited(environ) == ours.to_inherit(GPU) and SEAT not in environ, "the training must not pass it on"
    training = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=ours.to_inherit(GPU))
    ours.given(GPU)
    assert not theirs.take(GPU), "also when holter train is killed"
    training.communicate()
    assert theirs.take(GPU)
    with (tmp_path / "other").open("w") as other:
        assert inherited({SEAT: str(other.fileno())}) == inherited({SEAT: "x"}) == inherited({}) == ()


def test_the_state_folder_that_a_lock_needs_is_private(tmp_path: Path) -> None:
    state = tmp_path / "new"
    assert Seats(state, lambda _: None).take(GPU)
    assert (state.stat().st_mode & 0o777, (state / "gpus").stat().st_mode & 0o777) == (0o700, 0o700)


def test_in_two_jobs_of_slurm_gpu_0_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = Seats(tmp_path, lambda _: None), Seats(tmp_path, lambda _: None)
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert ours.take(GPU) and not theirs.take(GPU)
    monkeypatch.setenv("SLURM_JOB_ID", "2")
    assert theirs.take(GPU)


def test_a_slice_that_an_old_driver_names_with_slashes_is_locked_too(tmp_path: Path) -> None:
    ours, theirs = Seats(tmp_path, lambda _: None), Seats(tmp_path, lambda _: None)
    one, other = (Slot(f"gpu-0-mig-{number}", 0, f"MIG-GPU-5c89852c/{number}/0") for number in (1, 2))
    assert ours.take(one) and not theirs.take(one) and theirs.take(other)


# In a container: takes the GPU that is there, as its first one; prints whether it got it, and holds it until its end.
CONTAINER = """
import os, pathlib, sys
from holter.study.seats import Seats
from holter.study.slots import slots_of
(slot,) = slots_of(["0"], None, os.environ)
print(slot.device, Seats(pathlib.Path(sys.argv[1]), lambda _: None).take(slot), flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
@needs("root", "unshare", "cc")
def test_two_containers_share_a_gpu_by_its_uuid_and_not_by_the_index_that_it_has_in_each(tmp_path: Path) -> None:
    gpus = {name: FakeGpu(tmp_path / name, uuid=f"GPU-{name}") for name in ("one", "other")}

    def container(host: str, gpu: str) -> subprocess.Popen[str]:
        begin = ("unshare", "--uts", "--pid", "--fork", "--mount-proc", "sh", "-c", f'hostname {host}; exec "$@"', "sh")
        return subprocess.Popen(
            [*begin, sys.executable, "-c", CONTAINER, str(tmp_path / "state")],
            env={**os.environ, **gpus[gpu].environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    running: list[subprocess.Popen[str]] = []
    try:
        for host, gpu, is_taken in (("a", "one", True), ("b", "one", False), ("a", "other", True)):
            running.append(container(host, gpu))
            assert running[-1].stdout is not None
            assert running[-1].stdout.readline().split() == ["0", str(is_taken)], (host, gpu)
    finally:
        for each in running:
            each.communicate()


def test_where_nothing_can_be_locked_memory_alone_decides(tmp_path: Path) -> None:
    (tmp_path / "gpus").write_text("a file where the folder would be")
    assert Seats(tmp_path, lambda _: None).take(GPU)


@pytest.mark.slow
def test_two_studies_that_start_at_once_on_one_gpu_train_one_after_another(world: World) -> None:
    script, log, gpus = (world.folder / name for name in ("python", "log", "gpus.json"))
    script.write_text(SCRIPT.format(log=log, results=world.environ["nnUNet_results"]))
    script.chmod(0o755)
    gpus.write_text(json.dumps([{"index": 0, "memory_used_bytes": 0}]))
    code = f"import sys; from holter.cli import main; sys.executable = {str(script)!r}; main()"
    environ = {**os.environ, **world.environ, "HOLTER_LANG": "en", "HOLTER_GPU_SCRIPT": str(gpus)}
    environ.pop("CUDA_VISIBLE_DEVICES", None)
    words = ("-f", "0-1", "--gpus", "0", "--spacing", "0", "--out")
    studies = [
        subprocess.Popen(
            [sys.executable, "-c", code, "study", "run", "4", "-c", name, *words, str(world.folder / f"out-{name}")],
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("2d", "3d_fullres")
    ]
    said = [study.communicate(timeout=120)[1] for study in studies]
    assert [study.returncode for study in studies] == [0, 0], said
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len(lines) == 8
    for begins, ends in zip(lines[::2], lines[1::2], strict=True):
        assert (begins[0], ends[0]) == ("begins", "ends") and begins[1:] == ends[1:], lines
