"""Rounds over settings in the environment of a scene: ``python -m benchmarks.tune.sweep JSON``; prints JSON."""

from __future__ import annotations

import json
import os
import sys

import msgspec

from benchmarks.bench.scenes import CONFIGURATION, PLANS, TRAINER
from benchmarks.material import say
from holter.bench.scratch import Scratch
from holter.bench.session import run_child
from holter.bench.tuning.records import Candidate, Tuned, TuneOrder
from holter.demo.prepare import DATASET_NAME
from holter.probes.machine.cgroup import effective_cpus

ROOM = 1 << 26
SECONDS = 30.0  # of which the network alone takes its share; the rounds take as long as they take


def main() -> int:
    """Measure what the JSON asks for."""
    asked = json.loads(sys.argv[1])
    order = TuneOrder(
        dataset=DATASET_NAME,
        configuration=CONFIGURATION,
        fold="0",
        plans=PLANS,
        trainer=TRAINER,
        device="cpu",
        seconds=SECONDS,
        cpus=effective_cpus(),
        results=os.environ["nnUNet_results"],  # noqa: SIM112 - nnU-Net's name
        present_loader="stock",
        sweeps=asked["sweeps"],
        only=tuple(msgspec.convert(asked.get("only", []), type=list[Candidate])),
    )
    with Scratch(os.environ, ROOM, "python -m benchmarks.tune") as scratch:
        found = run_child(order, sys.executable, os.environ, scratch, "python -m benchmarks.tune", say, Tuned)
    print(json.dumps(msgspec.to_builtins(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
