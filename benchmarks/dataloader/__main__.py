"""Are workers of PyTorch's DataLoader replaced without a lost, doubled, moved or altered batch, and without a hang?

Each trial kills or stops one or two workers at random moments, in a loader with random settings, under the hook with
healing on. A trial hangs if it prints nothing for 60 s in which its processes neither work nor wait for a processor (on
a busy machine it is only slow), or for half an hour. A batch is what it must be if its indices and its checksum are
those of the batch made without workers, at the same place. Each process runs some trials in a row; its descriptors are
counted at the end of each. The cost of the hook for a batch is the difference between runs with and without it, of a
loader without workers and with samples that cost nothing; they take turns.

The numbers of trials are those of the seed: --first 240 --trials 20 repeats trials 240 to 259.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.material import say
from benchmarks.reporting import Goal, Row, conclude, options_of

ROOT = Path(__file__).parents[2]
INJECT = ROOT / "src" / "holter" / "hook" / "inject"
PROGRAM = Path(__file__).with_name("trials.py")
TRIALS, QUICK = 500, 20
IN_A_PROCESS = 20
SILENT_S, MOST_S = 60.0, 1800.0
BUSY_RATIO = 0.1  # of work, or of waiting for a processor; the hook's own looks take far less
HEAL_GOAL_S, COST_GOAL_US = 3.0, 20.0
COST_RUNS = 5
COST = """
import time
from torch.utils.data import DataLoader
batches = 20000
loader = DataLoader(range(batches), batch_size=None)
for _ in zip(range(1000), loader): pass
began = time.perf_counter()
for _ in loader: pass
print((time.perf_counter() - began) / batches * 1e6)
"""


def main() -> int:
    """Run the trials, print the table, write JSON if asked; return 1 if a goal was missed."""
    options = parser().parse_args()
    count = options.trials if options.trials is not None else QUICK if options.quick else TRIALS
    results: list[dict[str, Any]] = []
    hangs: list[int] = []
    first, end = options.first, options.first + count
    while first < end:
        done, hung = play(first, min(IN_A_PROCESS, end - first))
        results += done
        hangs += [first + len(done)] if hung else []
        first += len(done) + int(hung)
        say(f"{len(results)} of {count} trials, {len(hangs)} hangs")
    cost_us = None if options.no_cost else cost()
    return conclude([*rows(results, hangs)], goals(results, hangs, cost_us), options.json)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = options_of("dataloader", __doc__, quick=f"{QUICK} trials instead of {TRIALS}")
    options.add_argument("--trials", type=int, help="the number of trials")
    options.add_argument("--first", type=int, default=0, help="the number of the first trial, which is its seed")
    options.add_argument("--no-cost", action="store_true", help="do not measure the cost of a batch")
    return options


def environment(scratch: str | None) -> dict[str, str]:
    """Return the environment of a child, with the hook if there is a scratch folder for it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HOLTER_")}
    if scratch is None:
        return variables
    paths = os.pathsep.join(filter(None, (str(INJECT), variables.get("PYTHONPATH", ""))))
    return variables | {
        "PYTHONPATH": paths, "HOLTER_SCRATCH": scratch, "HOLTER_GENERATION": "0", "HOLTER_HEAL": "workers"
    }  # fmt: skip


def play(first: int, count: int) -> tuple[list[dict[str, Any]], bool]:
    """Run trials in one process; return those that ended, and whether the next one hung."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(first), str(count), str(10 * count)],
            env=environment(scratch), stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
        lines, hung = read(process, count)
        silence = Silence(process.pid)
        while not hung and process.poll() is None:  # its end may hang, too
            time.sleep(0.2)
            hung = silence.is_a_hang()
        if hung:
            os.killpg(process.pid, 9)
            process.wait()
        if len(lines) < count and not hung:
            errors.seek(0)
            raise SystemExit(f"trial {first + len(lines)} ended its process:\n{errors.read()[-2000:]}")
        done = [json.loads(line) for line in lines]
        heals = heals_of(Path(scratch))
        for result in done:
            result["heals_in_process"] = heals
        return done, hung


def read(process: subprocess.Popen[bytes], count: int) -> tuple[list[str], bool]:
    """Read the line of each trial; return them, and whether no line came for too long."""
    assert process.stdout is not None
    pipe, text, silence = process.stdout.fileno(), b"", Silence(process.pid)
    lines = select.poll()  # select() takes no descriptor above 1023
    lines.register(pipe, select.POLLIN)
    while text.count(b"\n") < count:
        if lines.poll(1000):
            piece = os.read(pipe, 65536)
            if not piece:
                break
            text, silence = text + piece, Silence(process.pid)
        elif silence.is_a_hang():
            return text.decode().splitlines(), True
    return text.decode().splitlines(), False


class Silence:
    """How long a group of processes has printed nothing, and for how much of that it neither worked nor had to wait."""

    def __init__(self, group: int) -> None:
        self.group, self.began_s, self.quiet_s = group, time.monotonic(), 0.0
        self.looked_s, self.spent_s = self.began_s, scheduled_s(group)

    def is_a_hang(self) -> bool:
        """Look again; return whether the group hangs."""
        now_s, spent_s = time.monotonic(), scheduled_s(self.group)
        passed_s, used_s = now_s - self.looked_s, spent_s - self.spent_s
        if 0 <= used_s < BUSY_RATIO * passed_s:  # below 0: a process has ended
            self.quiet_s += passed_s
        self.looked_s, self.spent_s = now_s, spent_s
        return self.quiet_s > SILENT_S or now_s - self.began_s > MOST_S


def scheduled_s(group: int) -> float:
    """Return how long the threads of a process group have run, or waited for a processor, since they began."""
    total_ns = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(int(process.name)) == group:
                for thread in (process / "task").iterdir():
                    ran, waited, _ = (thread / "schedstat").read_text().split()
                    total_ns += int(ran) + int(waited)
    return total_ns / 1e9


def heals_of(scratch: Path) -> int:
    """Return how many replacements the hook completed."""
    lines = [json.loads(line) for file in scratch.glob("events-*.jsonl") for line in file.read_text().splitlines()]
    return sum(line.get("kind") == "action" and line.get("state") == "done" for line in lines)


def cost() -> float:
    """Return the microseconds that the hook adds to a batch."""
    times: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(2 * COST_RUNS):
            hooked = number % 2 == 1
            done = subprocess.run(
                [sys.executable, "-c", COST], env=environment(scratch if hooked else None), capture_output=True,
                text=True, check=True,
            )  # fmt: skip
            times[hooked].append(float(done.stdout))
    return statistics.median(times[True]) - statistics.median(times[False])


def rows(results: list[dict[str, Any]], hangs: list[int]) -> list[Row]:
    """Return one row for each kind of fault."""
    found: list[Row] = []
    for fault in sorted({result["fault"] for result in results}):
        of_kind = [result for result in results if result["fault"] == fault]
        found.append({
            "fault": fault, "trials": len(of_kind), "wrong batches": sum(result["wrong"] for result in of_kind),
            "errors": sum(result["error"] is not None for result in of_kind),
            "longest wait, p95 s": p95([result["longest_s"] for result in of_kind]),
            "most descriptors": max(result["descriptors"] for result in of_kind),
        })  # fmt: skip
    for result in results:
        if result["error"] is not None or result["wrong"]:
            say(f"trial {result['number']} ({result['fault']}): {result['wrong']} wrong, {result['error']}")
    for number in hangs:
        say(f"trial {number} hung")
    return found


def goals(results: list[dict[str, Any]], hangs: list[int], cost_us: float | None) -> list[Goal]:
    """Return the goals with what was measured."""
    wrong = float(sum(result["wrong"] for result in results))
    errors = float(sum(result["error"] is not None for result in results))
    waited = p95([result["longest_s"] for result in results]) if results else None
    fast = None if waited is None else waited <= HEAL_GOAL_S
    cheap = None if cost_us is None else cost_us <= COST_GOAL_US
    return [
        Goal("lost, doubled, moved or altered batches", 0, wrong, wrong == 0 and bool(results)),
        Goal("trainings that ended by an error", 0, errors, errors == 0),
        Goal("hangs", 0, float(len(hangs)), not hangs),
        Goal("longest wait of a training, p95 s", HEAL_GOAL_S, waited, fast),
        Goal("cost of a batch, us", COST_GOAL_US, cost_us, cheap),
    ]  # fmt: skip


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


if __name__ == "__main__":
    sys.exit(main())
