"""A study on a real Slurm of two nodes, one of which dies in the middle of a real training.

Each node is a host name of its own, so that the lock of the dead node's Holter is one of another host.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.study.slurm import Slurm, running

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.study.clusters.slurm import Batch, script_of, submit
from holter.study.selection import jobs_of
from holter.supervisor.folds.fold_lock import STALE_S
from needs import needs
from study.test_local import EPOCHS, MOST_S, TRAINER

pytestmark = [pytest.mark.training, pytest.mark.long, needs("slurm", "root", "unshare")]

# Of the five minutes until the lock of the dead node is stale; the test need not wait for all of them.
LEFT_S = 75.0


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    # A short path: Slurm makes sockets below it, whose names must not be long.
    with running(tmp_path_factory.mktemp("slurm"), ("node-a", "node-b")) as slurm:
        yield slurm


def wait(look: Callable[[], bool], within_s: float, told: Callable[[], str]) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s, told()
        time.sleep(0.5)


def test_the_training_of_a_node_that_died_goes_on_on_another_and_no_epoch_is_trained_twice_over(
    slurm: Slurm, brain: Prepared, tmp_path: Path
) -> None:
    for name in ("results", "trainers", "state", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "trainers" / "nnUNetTrainerForStudy.py").write_text(TRAINER)
    slow = tmp_path / "slow"
    slow.touch()
    own = {
        **brain.environment(),
        "nnUNet_results": str(tmp_path / "results"),
        "nnUNet_extTrainer": str(tmp_path / "trainers"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "HOLTER_LOADER": "stock",
        "HOLTER_CHECKPOINT_EVERY_S": "0",
        "HOLTER_LANG": "en",
        "SLOW_WHILE": str(slow),
    }
    environ = {**os.environ, **slurm.variables, **own}
    jobs = jobs_of([DATASET_NAME], [CONFIGURATION], ["0"], environ, trainer="nnUNetTrainerForStudy")
    extra = ("-device", "cpu")
    script = script_of(jobs, Batch(tmp_path / "out", environ, extra, "--time=20", tuple(own)))
    number = submit(script, environ)
    fold = jobs[0].folder

    def epochs() -> list[int]:
        logs = sorted(fold.glob("training_log_*.txt"))
        return [int(n) for log in logs for n in re.findall(r": Epoch (\d+) *$", log.read_text(), re.MULTILINE)]

    def said() -> str:
        return "".join(file.read_text(errors="replace")[-4000:] for file in (tmp_path / "out").glob("slurm-*.out"))

    def told() -> str:
        return said() + slurm.control("show", "job") + slurm.logs()

    wait(lambda: 1 in epochs(), MOST_S, told)
    first = slurm.job(f"{number}_0")["NodeList"]
    slurm.kill_node(first)
    at = time.time() - (STALE_S - LEFT_S)
    os.utime(fold / "holter.lock", (at, at))
    wait(lambda: "may train this fold" in said(), 180, told)
    assert f"on {first})" in said() and slurm.job(f"{number}_0")["NodeList"] != first
    slow.unlink()
    wait(lambda: slurm.job(f"{number}_0").get("JobState") in ("COMPLETED", "FAILED"), MOST_S, told)
    job = slurm.job(f"{number}_0")
    assert (job["JobState"], job["ExitCode"], job["Restarts"]) == ("COMPLETED", "0:0", "1"), told()
    assert sorted(set(epochs())) == list(range(EPOCHS)) and len(epochs()) <= EPOCHS + 1, epochs()
    assert (fold / "checkpoint_final.pth").exists() and not (fold / "holter.lock").exists()
