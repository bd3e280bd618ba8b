"""The array script: what it says, and that bash and a real Slurm take it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from benchmarks.study.slurm import Slurm, running

from holter.errors import CannotDoHere
from holter.study.clusters.slurm import Batch, chain_of, name_of_chain, script_of, submit, submit_chain
from needs import needs
from study.conftest import DATASET, World


def test_the_script_has_a_task_for_each_job_and_passes_options_on(world: World) -> None:
    jobs = world.jobs("2d", "3d_fullres")
    options = "-p gpu --gres=gpu:1 --time=24:00:00"
    script = script_of(jobs, Batch(world.folder, world.environ, extra=("--npz",), options=options), most=4)
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
    script = script_of(world.jobs("2d"), Batch(world.folder, world.environ))
    script = script.replace(f"{sys.executable} -m holter train", "fake")
    script = script.replace(f"{sys.executable} -m holter doctor", "true")
    fake = 'fake() { echo "$@" "$nnUNet_n_proc_DA"; return 76; }\n'
    environ = {**os.environ, "SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_PER_TASK": "6"}
    environ.pop("nnUNet_n_proc_DA", None)
    done = subprocess.run(["bash", "-c", fake + script], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (76, [f"{DATASET} 2d 3 --unless-done 6"]), done.stderr


@pytest.mark.parametrize(("codes", "trains"), [("0", True), ("1 1", False), ("2", True), ("1 0", True)])
def test_a_node_that_is_no_go_twice_does_not_train(world: World, codes: str, trains: bool) -> None:
    job = msgspec.structs.replace(world.jobs("2d", folds="1")[0], trainer="nnUNetTrainer_5epochs", plans="P")
    script = script_of([job], Batch(world.folder, world.environ, extra=("--npz", "-device", "cpu")))
    script = script.replace(f"{sys.executable} -m holter", "fake")
    fake = f"""codes=({codes})
    fake() {{ echo "$@" "end=$SLURM_JOB_END_TIME"; [ $1 = doctor ] && return "${{codes[at_look++]}}"; return 0; }}\n"""
    environ = {**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_JOB_END_TIME": "1"}
    done = subprocess.run(["bash", "-c", fake + script], env=environ, capture_output=True, text=True)
    # A short job is no reason against it: the next one continues.
    looked = f"doctor {DATASET} 2d -f 1 -tr nnUNetTrainer_5epochs -p P --device cpu --prolog end="
    trained = f"train {DATASET} 2d 1 -tr nnUNetTrainer_5epochs -p P --npz -device cpu --unless-done end=1"
    assert done.stdout.splitlines()[1:] == [looked] * len(codes.split()) + ([trained] if trains else []), done.stderr
    assert done.returncode == (0 if trains else 1)


def chain_in(world: World, *, links: int = 3, options: str = "", holter: str = "") -> Path:
    script = chain_of(world.jobs("2d", folds="0-1"), links, Batch(world.folder, world.environ, options=options))
    file = world.folder / "chain.sh"
    file.write_text(script.replace(f"{sys.executable} -m holter", holter) if holter else script)
    return file


def test_a_chain_sends_for_each_training_its_jobs_of_one_name(world: World) -> None:
    sbatch = world.folder / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(f'#!/bin/bash\necho "$@" >> "{world.folder}/sent"\n')
    sbatch.chmod(0o755)
    environ = {**os.environ, "PATH": f"{sbatch.parent}:{os.environ['PATH']}"}
    file = chain_in(world)
    subprocess.run(["bash", str(file)], env=environ, check=True)
    sent = (world.folder / "sent").read_text().splitlines()
    jobs = world.jobs("2d", folds="0-1")
    assert sent == [
        f"--job-name={name_of_chain(job)} --dependency=singleton {file} {job.folder} {DATASET} 2d {job.fold}"
        for job in jobs
        for _ in range(3)
    ]
    (world.folder / "other").mkdir()
    there = World(world.folder / "other").jobs("2d", folds="0")[0]
    assert name_of_chain(there) != name_of_chain(jobs[0]), "of another results folder"
    sbatch.write_text("#!/bin/bash\necho no such partition >&2; exit 3\n")
    with pytest.raises(CannotDoHere, match="no such partition"):
        submit_chain(file.read_text(), world.folder, environ)


@pytest.mark.parametrize(("code", "cancels"), [(0, True), (76, True), (1, True), (75, False), (2, False)])
def test_the_jobs_of_a_chain_that_wait_are_cancelled_unless_another_must_go_on(
    world: World, code: int, cancels: bool
) -> None:
    fake = f"""fake() {{ [ $1 = doctor ] && return 0; echo "$@"; return {code}; }}
    scancel() {{ echo "cancelled $@"; }}\n"""
    text = chain_in(world, holter="fake").read_text()
    job = world.jobs("2d", folds="1")[0]
    environ = {**os.environ, "SLURM_JOB_NAME": "holter-x"}
    words = ["bash", "-c", fake + text, "bash", str(job.folder), *job.arguments(("--npz",))]
    done = subprocess.run(words, env=environ, capture_output=True, text=True)
    assert done.returncode == code and f"train {DATASET} 2d 1 --npz" in done.stdout, done.stderr
    assert ("--name=holter-x --state=PENDING" in done.stdout) is cancels
    world.done("2d", "1")
    done = subprocess.run(words, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), "one that is done is not trained again"


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
        script = script_of(
            world.jobs(*configurations, folds=folds), Batch(world.folder, world.environ, options="--time=5")
        )
        return script.replace(f"{sys.executable} -m holter", str(holter))

    first = submit(text("2d", folds="0-1"), environ)
    second = submit(text("3d_lowres", folds="0-1"), environ)
    after = submit(text("3d_cascade_fullres", folds="0"), environ, after=second)
    until_s = time.monotonic() + 120
    while not slurm.is_over():
        assert time.monotonic() < until_s, slurm.control("show", "job") + slurm.logs()
        time.sleep(1)
    calls = (world.folder / "calls").read_text().splitlines()
    assert sorted(calls) == ["2d 0", "2d 1", "3d_cascade_fullres 0", *["3d_lowres 0"] * 2, "3d_lowres 1"]
    last = max(number for number, call in enumerate(calls) if call.startswith("3d_lowres"))
    assert calls.index("3d_cascade_fullres 0") > last, "after all tasks that it depends on, also one put back"
    assert slurm.job(f"{first}_1")["ExitCode"] == "76:0"
    assert slurm.job(f"{second}_0")["Restarts"] == "1" and slurm.job(f"{second}_0")["JobState"] == "COMPLETED"
    assert slurm.job(f"{after}_0")["JobState"] == "COMPLETED"


@pytest.mark.long
@needs("slurm", "root")
def test_a_cascade_does_not_stay_in_the_queue_for_ever_if_its_folds_are_cancelled(slurm: Slurm, world: World) -> None:
    environ = {**slurm.variables, **world.environ}
    batch = Batch(world.folder, world.environ, options="--time=5 --begin=now+1hour")
    first = submit(script_of(world.jobs("3d_lowres"), batch), environ)
    after = submit(script_of(world.jobs("3d_cascade_fullres", folds="0"), batch), environ, after=first)
    assert slurm.job(after)["JobState"] == "PENDING"
    subprocess.run(["scancel", first], env=environ, check=True)
    until_s = time.monotonic() + 120
    while (seen := slurm.job(after))["JobState"] != "CANCELLED":
        assert time.monotonic() < until_s, seen
        time.sleep(1)


@pytest.mark.long
@needs("slurm", "root")
def test_a_real_slurm_runs_the_jobs_of_a_chain_in_turn_and_no_more_than_needed(slurm: Slurm, world: World) -> None:
    """Each start of fold 0 saves (75) until the third; fold 1 is done at once. Four jobs were sent for each."""
    holter = world.folder / "fake.sh"
    holter.write_text(
        f'#!/bin/bash\n[ $1 = doctor ] && exit 0\necho "begin $4" >> {world.folder}/calls\nsleep 1\n'
        f'echo "end $4" >> {world.folder}/calls\n'
        f'[ $4 = 0 ] && [ $(grep -c "end 0" {world.folder}/calls) -lt 3 ] && exit 75\nexit 0\n'
    )
    holter.chmod(0o755)
    file = chain_in(world, links=4, options="--time=5", holter=str(holter))
    submit_chain(file.read_text(), world.folder, {**slurm.variables, **world.environ})
    until_s = time.monotonic() + 120
    while not slurm.is_over():
        assert time.monotonic() < until_s, slurm.control("show", "job") + slurm.logs()
        time.sleep(1)
    calls = (world.folder / "calls").read_text().splitlines()
    assert [call for call in calls if call.endswith("0")] == ["begin 0", "end 0"] * 3
    assert [call for call in calls if call.endswith("1")] == ["begin 1", "end 1"]
    # Other tests have left jobs in this Slurm.
    names = {f"JobName={name_of_chain(job)}" for job in world.jobs("2d", folds="0-1")}
    own = [words for words in map(str.split, slurm.control("show", "job", "-o").splitlines()) if names & {*words}]
    assert len(own) == 2 * 4 and sum("JobState=CANCELLED" in words for words in own) == 1 + 3, own
