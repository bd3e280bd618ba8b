"""A study on a real Ray cluster of several nodes on this machine, one of which dies in the middle of a training."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holter.errors import CannotDoHere, MissingExtra
from holter.study.clusters.ray import RayTrainings
from holter.study.queue import Slot
from needs import require
from study.conftest import DATASET, World

# Stands for nnU-Net and Holter on the nodes: writes what a training writes, and ends as it is told by files.
FAKE = """#!/bin/bash
# {python} -m holter train DATASET CONFIGURATION FOLD …
fold="$6"; folder="{model}/fold_$fold"; mkdir -p "$folder/validation"
echo "fold $fold begins on $RAY_NODE_ID, CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES, $nnUNet_n_proc_DA workers"
echo "$fold" >> {calls}
trap 'exit 75' TERM
while [ -e {hold}$fold ]; do sleep 0.1; done
[ -e {fail}$fold ] && exit 76
touch "$folder/checkpoint_final.pth" "$folder/validation/summary.json"
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without CPUs, so that tasks run on the nodes that are added."""
    require("ray")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")  # a node that starts slowly is no error here
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


class Calls:
    """``holter study run --ray`` on the cluster; ``holter train`` is replaced by a script on all nodes."""

    def __init__(self, world: World, address: str) -> None:
        self.world, self.address = world, address
        self.calls, self.hold, self.fail = (world.folder / name for name in ("calls", "hold-", "fail-"))
        model = Path(world.environ["nnUNet_results"]) / DATASET / "nnUNetTrainer__nnUNetPlans__2d"
        self.python = world.folder / "python"
        self.python.write_text(
            FAKE.format(python=sys.executable, model=model, calls=self.calls, hold=self.hold, fail=self.fail)
        )
        self.python.chmod(0o755)

    def start(self, folds: str, *options: str) -> subprocess.Popen[str]:
        """Start it."""
        code = f"import sys; from holter.cli import main; sys.executable = {str(self.python)!r}; main()"
        words = ["study", "run", "4", "-c", "2d", "-f", folds, "--ray", self.address, "--spacing", "0", *options]
        command = [sys.executable, "-c", code, *words, "--out", str(self.world.folder / "out"), "--", "-device", "cpu"]
        environ = {**os.environ, **self.world.environ, "HOLTER_LANG": "en"}
        environ.pop("nnUNet_n_proc_DA", None)
        return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)

    def begun(self) -> list[str]:
        """The folds that were begun, in this order."""
        return self.calls.read_text().split() if self.calls.exists() else []


def wait(look: Any, within_s: float = 120.0) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s
        time.sleep(0.2)


@pytest.mark.long
def test_each_training_is_a_task_and_a_dead_node_s_training_goes_on_elsewhere(cluster: Any, world: World) -> None:
    first = cluster.add_node(num_cpus=1)
    calls = Calls(world, cluster.address)
    for fold in "01":
        Path(f"{calls.hold}{fold}").touch()
    study = calls.start("0-1", "--slots", "2")
    wait(lambda: calls.begun() == ["0"])
    cluster.add_node(num_cpus=1)
    wait(lambda: calls.begun() == ["0", "1"])
    cluster.remove_node(first, allow_graceful=False)
    wait(lambda: calls.begun().count("0") == 1, 1)
    Path(f"{calls.hold}1").unlink()  # the other node becomes free, and takes it
    wait(lambda: calls.begun() == ["0", "1", "0"])
    Path(f"{calls.hold}0").unlink()
    _, said = study.communicate(timeout=120)
    assert study.returncode == 0, said
    assert "stopped before its end" in said and len(re.findall(r"done: .*fold", said)) == 2, said
    assert "2 trainings: 2 done" in said
    output = (world.folder / "out" / "Dataset004-2d-fold0.out").read_text()
    assert output.count("fold 0 begins") == 2 and " 1 workers" in output


@pytest.mark.long
def test_what_gives_up_is_set_aside_and_not_tried_again(cluster: Any, world: World) -> None:
    cluster.add_node(num_cpus=2)
    calls = Calls(world, cluster.address)
    Path(f"{calls.fail}0").touch()
    study = calls.start("0-2", "--slots", "2")
    _, said = study.communicate(timeout=180)
    assert study.returncode == 1 and "set aside" in said, said
    assert sorted(calls.begun()) == ["0", "1", "2"]


@pytest.mark.long
def test_ctrl_c_asks_the_trainings_on_the_nodes_to_save_and_end(cluster: Any, world: World) -> None:
    cluster.add_node(num_cpus=1)
    calls = Calls(world, cluster.address)
    Path(f"{calls.hold}0").touch()
    study = calls.start("0")
    wait(lambda: calls.begun() == ["0"])
    study.send_signal(2)
    _, said = study.communicate(timeout=60)
    assert study.returncode == 130 and "stopped; the same command" in said, said


def test_without_ray_and_without_a_cluster_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="not installed") as raised:
        RayTrainings("auto", tmp_path, ())
    assert "pip install" in str(raised.value.next_step)


@pytest.mark.long
def test_a_cluster_without_a_gpu_and_an_address_without_a_cluster_are_errors(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    with pytest.raises(CannotDoHere, match="has no GPU"):
        RayTrainings(cluster.address, tmp_path, ())
    import ray

    ray.shutdown()
    trainings = RayTrainings(cluster.address, tmp_path, ("-device", "cpu"))
    assert trainings.slots == (Slot("ray-0"),)
    trainings.close()
