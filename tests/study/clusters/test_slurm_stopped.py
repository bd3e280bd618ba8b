"""Jobs that a real Slurm cancels or preempts: the training has time to save, and goes on only where it should.

What stands for the training is a program that takes two seconds to save. Slurm finds processes by their group here: as
with the control groups of clusters, what a script has started is killed once the script has ended.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.study.slurm import Slurm, running

from holter.study.clusters.slurm import Batch, script_of, submit
from needs import needs
from study.conftest import World

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "slurm.md"
TRAINING = "holter train 4 3d_fullres 0"
URGENT = """
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP
"""
HOLTER = """#!/bin/bash
[ $1 = doctor ] && exit 0
trap 'asked=1' TERM
echo begun >> {calls}
[ $(grep -c begun {calls}) -gt 1 ] && exit 0
while [ -z "$asked" ]; do sleep 0.1; done
for ((at = 0; at < 20; at++)); do sleep 0.1; done
echo saved >> {calls}
exit 75
"""

pytestmark = [pytest.mark.long, needs("slurm", "root")]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with running(tmp_path_factory.mktemp("slurm"), more=URGENT, track="pgid") as slurm:
        yield slurm


class Array:
    """The script that ``holter study`` writes."""

    def __init__(self, slurm: Slurm, world: World, holter: Path) -> None:
        script = script_of(world.jobs("2d", folds="0"), Batch(world.folder, world.environ, options="--time=10"))
        script = script.replace(f"{sys.executable} -m holter", str(holter))
        self.number = submit(script, {**slurm.variables, **world.environ}) + "_0"


class Page:
    """The script of docs/how-to/slurm.md."""

    def __init__(self, slurm: Slurm, world: World, holter: Path) -> None:
        (found,) = [
            block for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "#SBATCH" in block
        ]
        assert found.count(TRAINING) == 1
        file = world.folder / "job.sh"
        file.write_text(found.replace(TRAINING, f"{holter} train"))
        self.number = slurm.submit(file, {}, "--time=10", f"--output={world.folder}/job.out")


def wait(look: Callable[[], bool], slurm: Slurm, within_s: float = 120.0) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s, slurm.control("show", "job") + slurm.logs()
        time.sleep(0.2)


@pytest.mark.parametrize("make", [Array, Page])
@pytest.mark.parametrize("how", ["cancelled", "preempted"])
def test_it_saves_first_and_only_what_was_preempted_goes_on(
    slurm: Slurm, world: World, make: type[Array | Page], how: str
) -> None:
    calls, holter = world.folder / "calls", world.folder / "holter"
    holter.write_text(HOLTER.format(calls=calls))
    holter.chmod(0o755)
    number = make(slurm, world, holter).number
    wait(calls.exists, slurm)
    if how == "cancelled":
        subprocess.run(["scancel", number], env=slurm.variables, check=True)
        wait(lambda: slurm.job(number).get("JobState") == "CANCELLED", slurm)
        time.sleep(10.0)  # longer than a job that is put back waits
        assert calls.read_text().split() == ["begun", "saved"]
        assert slurm.job(number)["JobState"] == "CANCELLED" and slurm.job(number)["Restarts"] == "0"
        return
    urgent = world.folder / "urgent.sh"
    urgent.write_text("#!/bin/bash\n")
    slurm.submit(urgent, {}, "--partition=urgent", "--output=/dev/null", "--time=5")
    wait(lambda: slurm.job(number).get("JobState") == "COMPLETED", slurm)
    assert calls.read_text().split() == ["begun", "saved", "begun"] and slurm.job(number)["Restarts"] == "1"
