"""A study of real trainings that is killed at random, neighbours that share CPUs, the queue in simulation, and a look.

``python -m benchmarks.study [--quick] [--only PART…] [--json FILE] [--seed N]``:

15 shortened trainings of nnU-Net on two CPU slots; the study, ``holter train``, a training, its whole session and
everything together are killed, and the disk is filled
(only as root, where a small disk can be mounted). A trainer is used whose weights depend on the epochs alone, so that
``summary.json`` must equal that of an undisturbed training. Then two trainings side by side: with the CPUs divided, as
``holter study`` does it, and with nothing set. Alone on the machine, please.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.material import prepared_brains, say
from benchmarks.reporting import Goal, Row, conclude, options_of
from benchmarks.study.killing import different, disturbed, repeated_too_often, small_disk, undisturbed
from benchmarks.study.looking import status_s
from benchmarks.study.neighbours import beside
from benchmarks.study.scene import Length, Scene
from benchmarks.study.simulation import PER_GPU_HOUR, WORSE_PER_GPU_HOUR, simulate

FULL, QUICK = Length(trainers=3, folds=5, steps=6, kills=20), Length(trainers=2, folds=2, steps=6, kills=5)
RESUMED_S, STATUS_S = 5.0, 2.0
# Of the cost of a training in the queue: of 2,000 against 500. 1: exactly linear.
LINEAR = 1.5
LEAST_GOODPUT = 0.99
# Steps of two trainings side by side with nothing set, as a share of those with the CPUs divided.
UNSET_SHARE = 1 / 1.3


PARTS = ("kills", "neighbours", "queue", "look")


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("study", __doc__, quick="4 trainings and 5 kills instead of 15 and 20; 12 minutes")
    parser.add_argument("--seed", type=int, default=1, help="of the kills")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    options = parser.parse_args()
    rows: list[Row] = []
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="holter-study-") as name:
        folder = Path(name)
        if "kills" in options.only:
            _trainings(folder, QUICK if options.quick else FULL, options.seed, rows, goals)
        if "neighbours" in options.only:
            _neighbours(folder / "neighbours", options.quick, rows, goals)
        if "queue" in options.only:
            _simulation(rows, goals)
        if "look" in options.only:
            say("status of 300 trainings")
            (folder / "looking").mkdir()
            look = status_s(folder / "looking", 3 if options.quick else 7)
            rows.append({"look at": 300, "wall, s": look.wall_s, "CPU, s": look.cpu_s})
            goals.append(_at_most("status of 300 trainings, s", STATUS_S, look.wall_s))
    return conclude(rows, goals, options.json)


def _trainings(folder: Path, length: Length, seed: int, rows: list[Row], goals: list[Goal]) -> None:
    brains = prepared_brains()
    say(f"undisturbed: {length.folds} trainings")
    reference = Scene(brains, folder / "reference", length._replace(trainers=1, kills=0))
    undisturbed(reference)
    with small_disk(folder / "disturbed" / "results") as mounted:
        scene = Scene(brains, folder / "disturbed", length)
        say(f"disturbed: {length.trainings} trainings, {length.kills} kills")
        run = disturbed(scene, seed=seed, mounted=mounted)
        states = scene.states()
        rows.append(
            {
                "trainings": length.trainings, "done": states.count("done"), "wall, s": round(run.wall_s),
                "calls of the study": run.calls, "kills": ", ".join(f"{n} {kind}" for kind, n in run.kills.items()),
            }
        )  # fmt: skip
        goals += [
            _at_most("trainings that are not done", 0, length.trainings - states.count("done")),
            _at_most("looks that found two trainings of one fold", 0, run.twice),
            _at_most("summary.json that differ from an undisturbed one", 0, different(scene, reference)),
            _at_most("epochs repeated beyond one a kill", 0, repeated_too_often(scene, run)),
            _at_most("a new call has resumed after, s (slowest)", RESUMED_S, max(run.resumed_s, default=None)),
        ]


def _neighbours(folder: Path, is_quick: bool, rows: list[Row], goals: list[Goal]) -> None:
    say("two trainings side by side, with the CPUs divided and with nothing set")
    found = beside(prepared_brains(), folder, *((45.0, 1) if is_quick else (90.0, 3)))
    rows.append({"side by side": 2, "steps/s, CPUs divided": found.divided, "steps/s, nothing set": found.unset})
    goals.append(_at_most("steps/s with nothing set / with the CPUs divided", UNSET_SHARE, found.unset / found.divided))


def _simulation(rows: list[Row], goals: list[Goal]) -> None:
    say("simulation")
    few, many = (simulate(count, 128, PER_GPU_HOUR) for count in (500, 2000))
    worse = simulate(2000, 128, WORSE_PER_GPU_HOUR)
    simulated = [each._asdict() for each in (few, many, worse)]
    rows += [{"simulated": each.pop("trainings"), **each} for each in simulated]
    lost = sum(each.trainings - each.done - each.aside for each in (few, many, worse))
    goals += [
        _at_most("simulated trainings neither done nor set aside", 0, lost),
        _at_most("simulated trainings done more than once", 0, sum(e.more_than_once for e in (few, many, worse))),
        _at_most("cost of a training of 2,000 / of 500", LINEAR, many.cost_us / few.cost_us),
        _at_most("time lost to faults at published rates", 1 - LEAST_GOODPUT, 1 - many.goodput),
    ]


def _at_most(name: str, goal: float, measured: float | None) -> Goal:
    return Goal(name, goal, measured, None if measured is None else measured <= goal)


if __name__ == "__main__":
    sys.exit(main())
