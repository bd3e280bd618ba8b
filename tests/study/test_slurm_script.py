"""The array script: what it says, and that bash and a real Slurm take it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
import pytest

from holter.errors import CannotDoHere
from holter.study.clusters.slurm import script_of, submit
from needs import needs
from study.conftest import DATASET, World
from supervisor.slurm import Slurm, running


def test_the_script_has_a_task_for_each_job_and_passes_options_on(world: World) -> None:
    jobs = world.jobs("2d", "3d_fullres")
    script = script_of(
        jobs, world.folder, world.environ, extra=("--npz",), most=4, options="-p gpu --gres=gpu:1 --time=24:00:00"
    )
    for line in (
        "#SBATCH --array=0-9%4",
        "#SBATCH --requeue --open-mode=append",
        "#SBATCH --signal=B:USR1@900",
        "#SBATCH -p gpu",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --time=24:00:00",
        f"  7) set -- {DATASET} 3d_fullres 2 --npz ;;",
        f"export nnUNet_raw={world.environ['nnUNet_raw']}",
    ):
        assert line in script.splitlines()


def test_bash_runs_the_task_of_its_number_with_the_exit_code_of_the_training(world: World) -> None:
    script = script_of(world.jobs("2d"), world.folder, world.environ)
    script = script.replace(f"{sys.executable} -m holter train", "fake")
    script = script.replace(f"{sys.executable} -m holter doctor", "true")
    fake = 'fake() { echo "$@" "$nnUNet_n_proc_DA"; return 76; }\n'
    environ = {**os.environ, "SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_PER_TASK": "6"}
    environ.pop("nnUNet_n_proc_DA", None)
    done = subprocess.run(["bash", "-c", fake + script], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (76, [f"{DATASET} 2d 3 6"]), done.stderr


@pytest.mark.parametrize(("codes", "trains"), [("0", True), ("1 1", False), ("2", True), ("1 0", True)])
def test_a_node_that_is_no_go_twice_does_not_train(world: World, codes: str, trains: bool) -> None:
    job = msgspec.structs.replace(world.jobs("2d", folds="1")[0], trainer="nnUNetTrainer_5epochs", plans="P")
    script = script_of([job], world.folder, world.environ, extra=("--npz", "-device", "cpu"))
    script = script.replace(f"{sys.executable} -m holter", "fake")
    fake = f"""codes=({codes})
    fake() {{ echo "$@" "end=$SLURM_JOB_END_TIME"; [ $1 = doctor ] && return "${{codes[at_look++]}}"; return 0; }}\n"""
    environ = {**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_JOB_END_TIME": "1"}
    done = subprocess.run(["bash", "-c", fake + script], env=environ, capture_output=True, text=True)
    # A short job is no reason against it: the next one continues.
    looked = f"doctor {DATASET} 2d -f 1 -tr nnUNetTrainer_5epochs -p P --device cpu --prolog end="
    trained = f"train {DATASET} 2d 1 -tr nnUNetTrainer_5epochs -p P --npz -device cpu end=1"
    assert done.stdout.splitlines()[1:] == [looked] * len(codes.split()) + ([trained] if trains else []), done.stderr
    assert done.returncode == (0 if trains else 1)


def test_without_sbatch_submit_says_what_to_do(world: World) -> None:
    with pytest.raises(CannotDoHere, match="no sbatch"):
        submit("", {"PATH": "/nowhere"})


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with running(tmp_path_factory.mktemp("slurm")) as slurm:
        yield slurm


@pytest.mark.long
@needs("slurm", "root")
def test_a_real_slurm_runs_every_task_puts_back_75_and_not_76_and_then_the_cascade(slurm: Slurm, world: World) -> None:
    """What stands for the training is a program: 75 at the first start of a fold of 3d_lowres, 76 for one of 2d."""
    holter = world.folder / "fake.sh"
    holter.write_text(
        f'#!/bin/bash\n[ $1 = doctor ] && exit 0\necho "$3 $4" >> {world.folder}/calls\n'
        f'[ "$3 $4" = "3d_lowres 0" ] && [ ! -e {world.folder}/once ] && touch {world.folder}/once && exit 75\n'
        '[ "$3 $4" = "2d 1" ] && exit 76\nexit 0\n'
    )
    holter.chmod(0o755)
    environ = {**slurm.variables, **world.environ}

    def text(*configurations: str, folds: str) -> str:
        script = script_of(world.jobs(*configurations, folds=folds), world.folder, world.environ, options="--time=5")
        return script.replace(f"{sys.executable} -m holter", str(holter))

    first = submit(text("2d", folds="0-1"), environ)
    second = submit(text("3d_lowres", folds="0-1"), environ)
    after = submit(text("3d_cascade_fullres", folds="0"), environ, after=second)
    until_s = time.monotonic() + 120
    while any(state in slurm.control("show", "job") for state in ("PENDING", "RUNNING", "COMPLETING")):
        assert time.monotonic() < until_s, slurm.control("show", "job") + slurm.logs()
        time.sleep(1)
    calls = (world.folder / "calls").read_text().splitlines()
    assert sorted(calls) == ["2d 0", "2d 1", "3d_cascade_fullres 0", *["3d_lowres 0"] * 2, "3d_lowres 1"]
    last = max(number for number, call in enumerate(calls) if call.startswith("3d_lowres"))
    assert calls.index("3d_cascade_fullres 0") > last, "after all tasks that it depends on, also one put back"
    assert slurm.job(f"{first}_1")["ExitCode"] == "76:0"
    assert slurm.job(f"{second}_0")["Restarts"] == "1" and slurm.job(f"{second}_0")["JobState"] == "COMPLETED"
    assert slurm.job(f"{after}_0")["JobState"] == "COMPLETED"
