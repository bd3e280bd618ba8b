"""The setting that ``holter tune`` chooses, against an exhaustive sweep: ``python -m benchmarks.tune``.

In each scene (those of ``benchmarks.bench``, with an imitated step), every setting is first measured in rounds with the
same blocks of steps, and then the command chooses, within a quarter of that time. Last, its choice and the sweep's best
are measured in turns. No GPU is needed; alone on the machine, please.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.bench.scenes import EPOCHS, STEPS, Scene, made_scenes, options_of_scenes, report_of, started
from benchmarks.loader import at_least, at_most, row
from benchmarks.reporting import Goal, Row, conclude

GOAL_SHARE, GOAL_SCENES, GOAL_TIME = 0.98, 0.9, 0.25
LEAST_S = 5.0  # of the command's --seconds


class Plan(NamedTuple):
    """Rounds of the sweep, and rounds in which choice and best are compared."""

    sweeps: int
    rounds: int


FULL, QUICK = Plan(8, 12), Plan(3, 4)


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    options = options_of_scenes("tune", __doc__, quick="five scenes, fewer rounds").parse_args()
    plan = QUICK if options.quick else FULL
    rows: list[Row] = []
    goals: list[Goal] = []
    reached: list[bool] = []
    for scene, variables in made_scenes(options.only, quick=options.quick):
        environment = {**variables, EPOCHS: "2", STEPS: "250"}
        more, share, high = compare(scene, plan, environment, anyway=options.anyway)
        rows += more
        reached.append(high is not None and high >= GOAL_SHARE)
        time_share = share if not options.anyway else None
        goals.append(at_most(f"{scene.name}: time of the command, of the sweep's", GOAL_TIME, time_share))
    name = f"scenes in which the interval of chosen/best reaches {GOAL_SHARE}"
    share_of_scenes = sum(reached) / len(reached) if reached else 0.0
    goals.append(at_least(name, GOAL_SCENES, None if options.anyway else share_of_scenes))
    return conclude(rows, goals, options.json)


def compare(
    scene: Scene, plan: Plan, environment: Mapping[str, str], *, anyway: bool
) -> tuple[list[Row], float, float | None]:
    """Sweep, choose, compare; return rows, the command's time as a share of the sweep's, and the interval's end."""
    swept = rounds(scene, environment, {"sweeps": plan.sweeps})
    seconds = max(LEAST_S, GOAL_TIME * swept["measured_s"])
    chosen = report_of("tune", scene, seconds, environment, anyway=anyway)["tuned"]
    best = swept["trials"][0]
    pair = rounds(scene, environment, {"sweeps": plan.rounds, "only": [chosen["chosen"], best["candidate"]]})
    by_setting = {json.dumps(trial["candidate"], sort_keys=True): trial for trial in pair["trials"]}
    own, other = (by_setting[json.dumps(setting, sort_keys=True)] for setting in (chosen["chosen"], best["candidate"]))
    ratio = {"value": 1.0, "low": 1.0, "high": 1.0} if own is other else against(own, other)
    rows = [
        row(f"{scene.name}: best of {len(swept['trials'])}", best["per_s"], "samples/s", called(best["candidate"])),
        row(f"{scene.name}: chosen", own["per_s"], "samples/s", called(chosen["chosen"])),
        row(f"{scene.name}: chosen/best", ratio["value"], "", f"{ratio.get('low')} to {ratio.get('high')}"),
    ]
    return rows, chosen["measured_s"] / swept["measured_s"], ratio.get("high")


def against(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    """Return the ratio of two settings that were measured alone with each other: one of them was the faster."""
    if own["of_best"]["value"] <= other["of_best"]["value"]:
        return dict(own["of_best"])
    ratio = other["of_best"]
    turned = {"value": 1 / ratio["value"]}
    return turned | ({"low": 1 / ratio["high"], "high": 1 / ratio["low"]} if "high" in ratio else {})


def rounds(scene: Scene, environment: Mapping[str, str], more: Mapping[str, Any]) -> dict[str, Any]:
    """Measure every setting, or those in ``only``, in rounds; return what the measuring process found."""
    found: dict[str, Any] = json.loads(started(scene, ["-m", "benchmarks.tune.sweep", json.dumps(more)], environment))
    return found


def called(setting: Mapping[str, Any]) -> str:
    """Return the name of a setting."""
    batches = f", {setting['batches']} batches" if setting.get("batches") else ""
    return f"{setting['loader']}, {setting['readers']} readers{batches}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.TimeoutExpired as error:
        sys.exit(f"too slow: {error}")
