"""The same on real labelled images: Medical Decathlon hippocampus, planned and preprocessed by nnU-Net itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holter.causes import diagnose_all
from holter.demo.prepare import shrink_plan
from holter.records import EpochEnded
from holter.supervisor.run import run
from holter.tape import read
from supervisor.scene import in_epoch_one, of_role, top

pytestmark = pytest.mark.training

CASES = 10


@pytest.fixture(scope="module")
def environment(hippocampus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("hippocampus")
    raw = folder / "nnUNet_raw" / hippocampus.name
    for part in ("imagesTr", "labelsTr"):
        (raw / part).mkdir(parents=True)
        for file in sorted((hippocampus / part).glob("*.nii.gz"))[:CASES]:
            shutil.copy(file, raw / part)
    described = json.loads((hippocampus / "dataset.json").read_text())
    (raw / "dataset.json").write_text(json.dumps({**described, "numTraining": CASES}))
    variables = {
        **os.environ,
        **{f"nnUNet_{name}": str(folder / f"nnUNet_{name}") for name in ("raw", "preprocessed", "results")},
        "nnUNet_n_proc_DA": "2",
        "nnUNet_def_n_proc": "2",
        "OMP_NUM_THREADS": "1",
    }
    tool = Path(sys.executable).parent / "nnUNetv2_plan_and_preprocess"
    subprocess.run(
        [str(tool), "-d", "4", "-c", "3d_fullres", "-np", "2", "-npfp", "2", "--no_pbar"],
        env=variables,
        check=True,
        capture_output=True,
    )
    shrink_plan(folder / "nnUNet_preprocessed" / hippocampus.name / "nnUNetPlans.json")
    return variables


@pytest.mark.sample
def test_a_real_dataset_is_recorded_and_a_killed_worker_named(environment, tmp_path):
    done: list[float] = []

    def kill_one(recorder, tick):
        if not done and in_epoch_one(tick):
            done.append(tick.t_s)
            os.kill(of_role(tick, "train-worker")[0].pid, signal.SIGKILL)

    command = (sys.executable, "-m", "holter.trainer.shortened", "4", "3d_fullres", "0")
    result = run(
        (*command, "--epochs", "3", "--iterations", "20", "--no-validation"),
        tmp_path / "t.holter",
        variables=environment,
        each_tick=kill_one,
        quiet_output=tmp_path / "output.txt",
        end_orphans=True,
    )
    assert result.returncode == 1, (tmp_path / "output.txt").read_text()[-2000:]
    recording = read(tmp_path / "t.holter")
    assert [event.epoch for event in recording.events(EpochEnded)] == [0]
    assert dict(recording.environment.plans)["dataset"] == "Dataset004_Hippocampus"
    diagnosis = diagnose_all(recording)[0]
    assert diagnosis.episode.kind == "death"
    assert diagnosis.episode.alarm_s - done[0] < 10
    assert top(diagnosis) == ("worker-killed", "confirmed")
    facts = {fact.name: fact.value for fact in diagnosis.facts}
    assert (facts["worker.ending"], facts["oom.kills"]) == ("SIGKILL", 0)
