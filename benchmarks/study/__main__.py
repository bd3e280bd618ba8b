"""A study of real trainings that is killed at random, neighbours that share CPUs, the queue in simulation, and a look.

``python -m benchmarks.study [--quick] [--only PART…] [--json FILE] [--seed N] [--busy] [--minutes N]``:

15 shortened trainings of nnU-Net on two CPU slots; the study, ``holter train``, a training, its whole session and
everything together are killed, and the disk is filled
(only as root, where a small disk can be mounted). A trainer is used whose weights depend on the epochs alone, so that
``summary.json`` must equal that of an undisturbed training. The same trainings on a real Slurm and on a real Ray of two
nodes each, which are killed (Slurm: only as root, where it is installed). Then two trainings side by side: with the
CPUs divided, as ``holter study`` does it, and with nothing set. Alone on the machine, please; ``--busy`` where it is
not: then no goal about time is judged.

The JSON file is written after each part. Ctrl-C and SIGTERM end it, and leave no process.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.material import prepared_brains, say
from benchmarks.reporting import Goal, Row, conclude, document, machine, options_of
from benchmarks.study import slurm
from benchmarks.study.ending import nothing_left
from benchmarks.study.killing import Run, different, disturbed, end, repeated_too_often, small_disk, undisturbed
from benchmarks.study.looking import status_s
from benchmarks.study.neighbours import beside
from benchmarks.study.nodes import Cluster, disturbed_nodes, ray_nodes, slurm_nodes
from benchmarks.study.scene import Length, Scene
from benchmarks.study.simulation import PER_GPU_HOUR, WORSE_PER_GPU_HOUR, simulate
from holter.demo.prepare import Prepared

Nodes = Callable[[Scene], AbstractContextManager[Cluster]]
FULL = Length(trainers=3, folds=5, steps=6, kills=20, nodes=6)
QUICK = Length(trainers=2, folds=2, steps=6, kills=5, nodes=2)
RESUMED_S, STATUS_S = 5.0, 2.0
# Of the cost of a training in the queue: of 2,000 against 500. 1: exactly linear.
LINEAR = 1.5
LEAST_GOODPUT = 0.99
# Steps of two trainings side by side with nothing set, as a share of those with the CPUs divided.
UNSET_SHARE = 1 / 1.3
MINUTES = 60.0

PARTS = ("kills", "slurm", "ray", "neighbours", "queue", "look")


class Results:
    """What was found so far; written after each part."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.length: Length = QUICK if options.quick else FULL
        self.rows: list[Row] = []
        self.goals: list[Goal] = []

    def at_most(self, name: str, goal: float, measured: float | None) -> None:
        """Add a goal."""
        self.goals.append(Goal(name, goal, measured, None if measured is None else measured <= goal))

    def in_time(self, name: str, goal: float, measured: float | None) -> None:
        """Add a goal about time, which is not judged beside other work."""
        self.at_most(name, goal, measured)
        if self.options.busy:
            self.goals[-1] = self.goals[-1]._replace(name=f"{name} (beside other work)", met=None)

    def write(self) -> None:
        """Write the JSON file, if one is wanted."""
        if self.options.json is not None:
            text = json.dumps(document(self.rows, self.goals, machine()), indent=2)
            self.options.json.write_text(text + "\n")


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("study", __doc__, quick="4 trainings, 5 kills, 2 nodes instead of 15, 20, 6; 12 minutes a part")
    parser.add_argument("--seed", type=int, default=1, help="of the kills")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    parser.add_argument("--busy", action="store_true", help="beside other work: judge no times")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="at most so long for the trainings of a part")
    results = Results(parser.parse_args())
    only = results.options.only
    with tempfile.TemporaryDirectory(prefix="holter-study-") as name, nothing_left(Path(name)):
        folder = Path(name)
        if {"kills", "slurm", "ray"} & set(only):
            brains = prepared_brains()
            reference = _reference(brains, folder, results)
            if "kills" in only:
                _killed(brains, folder, reference, results)
            for part, nodes, lacks in (("slurm", slurm_nodes, _no_slurm()), ("ray", ray_nodes, _no_ray())):
                if part in only and lacks:
                    say(f"left out, {part}: {lacks}")
                elif part in only:
                    _on_nodes(part, nodes, brains, folder, reference, results)
        if "neighbours" in only:
            _neighbours(folder / "neighbours", results)
        if "queue" in only:
            _simulation(results)
        if "look" in only:
            _look(folder / "looking", results)
    return conclude(results.rows, results.goals, results.options.json)


def _reference(brains: Prepared, folder: Path, results: Results) -> Scene:
    length = results.length._replace(trainers=1, kills=0)
    say(f"undisturbed: {length.folds} trainings")
    reference = Scene(brains, folder / "reference", length)
    undisturbed(reference)
    done = reference.done()
    results.rows.append({"part": "undisturbed", "trainings": length.trainings, "done": done})
    if done < length.trainings:
        raise RuntimeError("not done undisturbed: " + reference.said.read_text()[-2000:])
    return reference


def _killed(brains: Prepared, folder: Path, reference: Scene, results: Results) -> None:
    length = results.length
    with small_disk(folder / "disturbed" / "results") as mounted:
        scene = Scene(brains, folder / "disturbed", length)
        say(f"disturbed: {length.trainings} trainings, {length.kills} kills")
        run = disturbed(scene, seed=results.options.seed, mounted=mounted, most_s=60 * results.options.minutes)
        _counted("kills", scene, reference, run, results)
        slowest = max(run.resumed_s, default=None)
        results.in_time("kills: a new call has resumed after, s (slowest)", RESUMED_S, slowest)
    results.write()


def _on_nodes(part: str, nodes: Nodes, brains: Prepared, folder: Path, reference: Scene, results: Results) -> None:
    length = results.length
    scene = Scene(brains, folder / part, length)
    say(f"{part}: {length.trainings} trainings on two nodes, {length.nodes} times one is killed")
    with nodes(scene) as cluster:
        options = results.options
        run = disturbed_nodes(scene, cluster, seed=options.seed, kills=length.nodes, most_s=60 * options.minutes)
        end(scene)
        _counted(part, scene, reference, run, results)
    results.write()


def _counted(part: str, scene: Scene, reference: Scene, run: Run, results: Results) -> None:
    states = scene.states()
    done = states.count("done")
    kills = ", ".join(f"{count} {kind}" for kind, count in run.kills.items())
    results.rows.append(
        {
            "part": part, "trainings": len(states), "done": done, "wall, s": round(run.wall_s),
            "calls of the study": run.calls, "kills": kills,
        }
    )  # fmt: skip
    results.at_most(f"{part}: trainings that are not done", 0, len(states) - done)
    results.at_most(f"{part}: looks that found two trainings of one fold", 0, run.twice)
    results.at_most(f"{part}: summary.json that differ from an undisturbed one", 0, different(scene, reference))
    results.at_most(f"{part}: epochs repeated beyond one a kill", 0, repeated_too_often(scene, run))


def _no_slurm() -> str | None:
    return None if slurm.is_installed() else "needs root, slurm-wlm and munge"


def _no_ray() -> str | None:
    return None if importlib.util.find_spec("ray") else "needs the package ray"


def _neighbours(folder: Path, results: Results) -> None:
    say("two trainings side by side, with the CPUs divided and with nothing set")
    found = beside(prepared_brains(), folder, *((45.0, 1) if results.options.quick else (90.0, 3)))
    divided, unset = found.divided, found.unset
    results.rows.append({"side by side": 2, "steps/s, CPUs divided": divided, "steps/s, nothing set": unset})
    results.in_time("steps/s with nothing set / with the CPUs divided", UNSET_SHARE, unset / divided)
    results.write()


def _simulation(results: Results) -> None:
    say("simulation")
    few, many = (simulate(count, 128, PER_GPU_HOUR) for count in (500, 2000))
    worse = simulate(2000, 128, WORSE_PER_GPU_HOUR)
    simulated = [each._asdict() for each in (few, many, worse)]
    results.rows += [{"simulated": each.pop("trainings"), **each} for each in simulated]
    lost = sum(each.trainings - each.done - each.aside for each in (few, many, worse))
    twice = sum(each.more_than_once for each in (few, many, worse))
    results.at_most("simulated trainings neither done nor set aside", 0, lost)
    results.at_most("simulated trainings done more than once", 0, twice)
    results.in_time("cost of a training of 2,000 / of 500", LINEAR, many.cost_us / few.cost_us)
    results.at_most("time lost to faults at published rates", 1 - LEAST_GOODPUT, 1 - many.goodput)
    results.write()


def _look(folder: Path, results: Results) -> None:
    say("status of 300 trainings")
    folder.mkdir()
    look = status_s(folder, 3 if results.options.quick else 7)
    results.rows.append({"look at": 300, "wall, s": look.wall_s, "CPU, s": look.cpu_s})
    results.in_time("status of 300 trainings, s", STATUS_S, look.wall_s)
    results.write()


if __name__ == "__main__":
    sys.exit(main())
