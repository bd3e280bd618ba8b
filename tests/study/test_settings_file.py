"""./holter.toml reaches the trainings of a study, which run in another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.study.clusters.slurm import Batch, script_of
from holter.study.queue import Slot
from holter.study.settings_file import VARIABLE
from holter.study.slots import crowded
from holter.study.trainings import Trainings
from study.conftest import World

SETTINGS = '[train]\nloader = "stock"\n[environment]\nnnUNet_n_proc_DA = 6\nOF_THE_FILE = "yes"\n'


def holter(world: World, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **world.environ, "HOME": str(world.folder), "HOLTER_LANG": "en", **variables}
    for name in ("nnUNet_n_proc_DA", VARIABLE):
        environ.pop(name, None) if name not in variables else None
    command = [sys.executable, "-m", "holter", *words]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120)


def test_the_tasks_of_slurm_get_the_file_and_its_variables_and_that_is_said(world: World) -> None:
    file = world.folder / "holter.toml"
    file.write_text(SETTINGS)
    done = holter(world, "study", "run", "4", "-c", "2d", "--slurm", cwd=world.folder)
    assert done.returncode == 0, done.stderr
    assert f"[ -e {file} ] && export {VARIABLE}={file}" in done.stdout
    assert "export nnUNet_n_proc_DA=6" in done.stdout and "export OF_THE_FILE=yes" in done.stdout
    assert done.stdout.index("OF_THE_FILE") < done.stdout.index("SLURM_CPUS_PER_TASK"), "before the share of the CPUs"
    assert "from holter.toml: nnUNet_n_proc_DA=6 OF_THE_FILE=yes" in done.stderr
    assert "from holter.toml: --loader stock" in done.stderr


@pytest.mark.slow
def test_a_training_that_is_started_elsewhere_reads_the_file_of_the_study(world: World, monkeypatch) -> None:
    file = world.folder / "holter.toml"
    file.write_text("nonsense = ")  # so that the training says that it read it, and ends at once
    out = world.folder / "out"
    out.mkdir()
    (job,) = world.jobs("2d", folds="0")
    monkeypatch.chdir(world.folder)
    environ = {**os.environ, **world.environ, "HOLTER_LANG": "en", VARIABLE: "holter.toml"}
    assert ended(Trainings(out, ()), job, environ) == 2
    assert f"{file} is not valid TOML" in (out / "Dataset004-2d-fold0.out").read_text()
    file.unlink()  # a study goes on without it
    ended(Trainings(out, ()), job, {**environ, "nnUNet_raw": ""})
    assert VARIABLE not in (out / "Dataset004-2d-fold0.out").read_text()


def ended(trainings: Trainings, job, environ: dict[str, str]) -> int:
    trainings.start(job, Slot("cpu-0"), environ)
    while not (over := trainings.ended()):
        pass
    return over[0][1]


def test_a_variable_that_names_no_file_is_an_error(world: World) -> None:
    done = holter(world, "config", cwd=world.folder, **{VARIABLE: "nothing.toml"})
    assert done.returncode == 2 and "nothing.toml, which HOLTER_CONFIG names, is not there" in done.stderr


def test_the_nearest_file_counts_before_the_one_that_is_named(world: World) -> None:
    (world.folder / "near").mkdir()
    (world.folder / "near/holter.toml").write_text("[environment]\nA = 1")
    (world.folder / "far.toml").write_text("[environment]\nA = 2\nB = 2")
    words = ("study", "run", "4", "-c", "2d", "--slurm")
    done = holter(world, *words, cwd=world.folder / "near", **{VARIABLE: str(world.folder / "far.toml")})
    assert "export A=1" in done.stdout and "export B=2" in done.stdout
    assert f"export {VARIABLE}={world.folder}/far.toml" in done.stdout


def test_data_workers_that_somebody_has_set_are_kept_and_too_many_are_said() -> None:
    assert crowded(2, 8.0, {"nnUNet_n_proc_DA": "6"}) is not None
    for slots, cpus, workers in ((1, 8.0, "12"), (2, 8.0, "4"), (2, 1.0, "1"), (2, 8.0, "x")):
        assert crowded(slots, cpus, {"nnUNet_n_proc_DA": workers}) is None
    assert crowded(2, 8.0, {}) is None


def test_names_of_files_hold_trainer_and_plans(world: World) -> None:
    import msgspec

    (job,) = world.jobs("2d", folds="0")
    other = msgspec.structs.replace(job, trainer="nnUNetTrainer_5epochs", plans="nnUNetResEncUNetLPlans")
    names = [Trainings(world.folder, ()).console_of(each).name for each in (job, other)]
    assert names == ["Dataset004-2d-fold0.out", "Dataset004-2d-fold0-nnUNetTrainer_5epochs-nnUNetResEncUNetLPlans.out"]
    assert 'echo "holter study: $*"' in script_of([other], Batch(world.folder, world.environ))
