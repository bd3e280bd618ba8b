"""Run trials of given numbers, keep the outcome of each in a file, and judge them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.dataloader.play import ROOT, Broken, Hang, Interpreter, lines_of
from benchmarks.material import say
from benchmarks.reporting import Goal, Row

IN_A_PROCESS = 20
HEAL_GOAL_S = 3.0
UNKNOWN = "unknown"

Result = dict[str, Any]


def run(numbers: Sequence[int], python: Interpreter) -> Iterator[Result]:
    """Run the trials of these numbers, several in a process; yield the outcome of each as soon as it is known."""
    left = list(numbers)
    common = {"commit": commit_of_tree(), "torch": python.torch, "python": python.version}
    while left:
        part = consecutive(left)[:IN_A_PROCESS]
        done = 0
        try:
            lines = lines_of(
                "trials", part[0], len(part), 10 * len(part), count=len(part), executable=python.executable
            )
            for line in lines:
                done += 1
                yield json.loads(line) | {"hung": False, **common}
        except Hang:
            done = min(done, len(part) - 1)  # after the last line it was the end that hung
            yield {"number": part[done], "hung": True, **common}
            done += 1
        except Broken as error:
            raise SystemExit(f"trial {part[done]} ended its process:\n{error}") from error
        left = left[done:]


def consecutive(numbers: Sequence[int]) -> list[int]:
    """Return the first numbers that follow one another."""
    length = next((place for place, number in enumerate(numbers) if number != numbers[0] + place), len(numbers))
    return list(numbers[:length])


def commit_of_tree() -> str:
    """Return the short hash of the tree that is measured, with a mark if files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or UNKNOWN


def kept(file: Path | None, torch: str) -> list[Result]:
    """Return the outcomes of this commit with this PyTorch in a file; of a trial that was repeated, the last.

    A line that was cut off is left out.
    """
    if file is None or not file.exists():
        return []
    found: dict[int, Result] = {}
    commit = commit_of_tree()
    for line in file.read_text().splitlines():
        try:
            result = json.loads(line)
        except ValueError:
            say(f"{file}: a line is not whole: {line[:60]!r}")
            continue
        if (result.get("torch"), result.get("commit")) == (torch, commit):
            found[result["number"]] = result
    return [found[number] for number in sorted(found)]


def keep(file: Path | None, result: Result) -> None:
    """Add an outcome to a file; runs at the same time may share one."""
    if file is not None:
        with file.open("a") as lines:
            lines.write(json.dumps(result) + "\n")


def rows(results: Iterable[Result]) -> list[Row]:
    """Return one row for each kind of fault, and one for the trials that hung."""
    found: list[Row] = []
    ended = [result for result in results if not is_hang(result)]
    for fault in sorted({result["fault"] for result in ended}):
        of_kind = [result for result in ended if result["fault"] == fault]
        found.append({
            "torch": of_kind[0]["torch"], "fault": fault, "trials": len(of_kind),
            "wrong batches": sum(result["wrong"] for result in of_kind),
            "errors": sum(result["error"] is not None for result in of_kind),
            "replacements": sum(result.get("heals", 0) for result in of_kind),
            "longest wait, p95 s": p95([result["longest_s"] for result in of_kind]),
            "most descriptors": max(result["descriptors"] for result in of_kind),
        })  # fmt: skip
    return found


def problems(results: Iterable[Result]) -> list[str]:
    """Return a line for each trial that was not as it must be."""
    return [
        f"trial {result['number']} hung"
        if is_hang(result)
        else f"trial {result['number']} ({result['fault']}): {result['wrong']} wrong, {result['error']}"
        for result in results
        if is_hang(result) or result["error"] is not None or result["wrong"]
    ]


def goals(results: Sequence[Result]) -> list[Goal]:
    """Return the goals with what was measured."""
    ended = [result for result in results if not is_hang(result)]
    wrong = float(sum(result["wrong"] for result in ended))
    errors = float(sum(result["error"] is not None for result in ended))
    hangs = len(results) - len(ended)
    waited = p95([result["longest_s"] for result in ended]) if ended else None
    fast = None if waited is None else waited <= HEAL_GOAL_S
    return [
        Goal("lost, doubled, moved or altered batches", 0, wrong, wrong == 0 and bool(ended)),
        Goal("trainings that ended by an error", 0, errors, errors == 0),
        Goal("hangs", 0, float(hangs), not hangs),
        Goal("longest wait of a training, p95 s", HEAL_GOAL_S, waited, fast),
    ]  # fmt: skip


def is_hang(result: Result) -> bool:
    """Return whether a trial hung."""
    return bool(result.get("hung"))


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]
