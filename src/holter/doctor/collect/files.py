"""Check the preprocessed cases in several children: each takes a share; a file that crashes or hangs one is named."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from holter.doctor.collect.jobs import Jobs, both, lines, wait
from holter.doctor.records import BadFile, Files, Plan
from holter.hook.exports.worker_memory import need
from holter.patterns import later
from holter.probes.child.background_command import BackgroundCommand
from holter.records import Text
from holter.sentences import define

GIVEN_UP = define("doctor.files.given-up", "was given up")
READER_ENDED = define("doctor.files.reader-ended", "the process that read it {how}")

CHILD = Path(__file__).with_name("files_child.py")
SHARES_MAX = 8  # more readers only slow each other down on one disk
TRIES = 3  # children of one share: each crash names one file
GRACE_S = 3.0  # beyond the budget, for a child to end by itself
OUTSIDE = -1  # nnU-Net's label outside the image; the training turns it into background
SHOWN_MAX = 50
TELL_S = 0.5
WHOLE, FILES, HEAD_CHARS = '{"whole"', later(r'"files": (\d+)'), 500

Progress = Callable[[int, int], None]


class Shares:
    """The child processes that check the preprocessed cases, each a share of them."""

    def __init__(self, jobs: Jobs, python: str, folder: Path, budget_s: float, shares: int) -> None:
        self._jobs, self._python, self._folder = jobs, python, folder
        self._until = time.monotonic() + budget_s
        self._shares = max(1, min(SHARES_MAX, shares))
        self._left_out: dict[int, list[str]] = {share: [] for share in range(self._shares)}
        self._texts: list[str] = []
        self._reported_s = time.monotonic()
        self.bad: dict[str, Text] = {}
        self.pending: Text | None = None
        self._commands = {share: self._start(share) for share in range(self._shares)}

    def run(self, progress: Progress) -> list[dict[str, Any]]:
        """Wait for all children; return every line (a JSON object) that they printed.

        ``progress``: gets the number of files that were read, and of all. A child that a file has crashed is started
        again without this file.
        """
        for _ in range(TRIES):
            wait(self._commands.values(), lambda: self._tell(progress))
            self._commands = {share: again for share, job in self._commands.items() if (again := self._end(share, job))}
            if not self._commands:
                break
        for share, job in self._commands.items():
            self._end(share, job)
        return [line for text in self._texts for line in lines(text)]

    def _start(self, share: int) -> BackgroundCommand:
        left_s = max(0.0, self._until - time.monotonic())
        command = [self._python, "-E", str(CHILD), str(self._folder), str(share), str(self._shares), f"{left_s:.1f}"]
        return self._jobs.start([*command, *self._left_out[share]], left_s + GRACE_S)

    def _end(self, share: int, job: BackgroundCommand) -> BackgroundCommand | None:
        # Take the child's output; if a file crashed it, start a new child without that file.
        outcome = job.outcome()
        text = outcome.text if outcome else job.written()
        self._texts.append(text)
        answers = lines(text)
        if any("done" in line for line in answers):
            return None
        culprit = next((line["doing"] for line in reversed(answers) if "doing" in line), None)
        if culprit is None or outcome is None or outcome.is_late:
            self.pending = culprit or self.pending or (GIVEN_UP() if outcome is None else outcome.trouble)
            return None
        self.bad[culprit] = READER_ENDED(how=outcome.how)
        self._left_out[share].append(culprit)
        return self._start(share)

    def _tell(self, progress: Progress) -> None:
        if time.monotonic() - self._reported_s < TELL_S:
            return
        self._reported_s = time.monotonic()
        texts = [*self._texts, *(job.written() for job in self._commands.values())]
        # Counted, not decoded: there are thousands of lines, and the readers need the cores.
        files = next((int(match[1]) for text in texts if (match := FILES.search(text[:HEAD_CHARS]))), 0)
        progress(sum(text.count(WHOLE) for text in texts), files)


def collect(
    jobs: Jobs, python: str, folder: Path, plan: Plan | None, *, budget_s: float, shares: int, progress: Progress
) -> Files:
    """Check the lengths of all preprocessed files, then the contents of as many as ``budget_s`` seconds allow.

    ``shares``: the number of processes. ``python``: the training's interpreter, which has the libraries to read them.
    """
    began = time.monotonic()
    work = Shares(jobs, python, folder, budget_s, shares)
    answers = work.run(progress)
    lengths = {line["length"]: line for line in answers if "length" in line}
    whole = {line["whole"]: line for line in answers if "whole" in line}
    bad: dict[str, Any] = {name: line["bad"] for name, line in (lengths | whole).items() if "bad" in line}
    bad |= work.bad
    values = {name: line["labels"] for name, line in whole.items() if "labels" in line}
    packed = max((line.get("needs_unpacking", 0) for line in answers), default=0)
    files = Files(
        folder=str(folder),
        cases=max((line.get("cases", 0) for line in answers), default=0),
        files=max((line.get("files", 0) for line in answers), default=0),
        lengths_checked=len(lengths),
        read_whole=len(whole),
        bad=tuple(_bad_file(name, bad[name]) for name in sorted(bad)[:SHOWN_MAX]),
        missing=tuple(sorted({name for line in answers for name in line.get("missing", ())})[:SHOWN_MAX]),
        labels=tuple(sorted({value for each in values.values() for value in each})) if values else None,
        labels_bad=_wrong_labels(values, plan),
        segmentations_read=len({_case_of(name) for name in values}),
        stored_bytes=sum(line.get("bytes", 0) for name, line in lengths.items() if not name.endswith(".pkl")) or None,
        archives=any(line.get("archives") for line in answers),
        needs_unpacking=packed > 0,
        unpacked_bytes=sum(line.get("unpacked_bytes", 0) for line in whole.values()) or None,
        took_s=time.monotonic() - began,
        **cast("Any", both("pending", work.pending)),
        **cast("Any", both("unread", next((line["unread"] for line in answers if "unread" in line), None))),
    )
    return _with_shapes(files, whole, plan)


def _bad_file(name: str, problem: object) -> BadFile:
    fields = both("problem", problem)
    return msgspec.convert({"file": name, **fields, "problem": fields["problem"] or "?"}, BadFile)


def _case_of(name: str) -> str:
    # A case may have a segmentation both in an archive and unpacked.
    return name.rpartition(".")[0].removesuffix("_seg")


def _wrong_labels(values: dict[str, list[int]], plan: Plan | None) -> tuple[BadFile, ...]:
    if plan is None or not plan.labels:
        return ()
    allowed = {OUTSIDE, *plan.labels}
    wrong = {name: sorted(set(seen) - allowed) for name, seen in values.items()}
    shown = [(name, ", ".join(map(str, labels[:5]))) for name, labels in sorted(wrong.items()) if labels]
    return tuple(BadFile(file=name, problem=text) for name, text in shown[:SHOWN_MAX])


def _with_shapes(files: Files, whole: dict[str, dict[str, Any]], plan: Plan | None) -> Files:
    # From the shapes in the properties: voxels, and the memory for each case's export.
    needs, shapes = [], []
    for name, line in sorted(whole.items()):
        properties = line.get("properties")
        if not properties or plan is None:
            continue
        try:
            order = plan.transpose_forward or tuple(range(len(properties["spacing"])))
            estimate = need(properties, order, plan.spacing, plan.heads, regions=plan.regions)
            needs.append((name.rpartition(".")[0], estimate.worker, estimate.prediction))
            shapes.append(_shape(properties, plan, order))
        except (KeyError, ValueError, ZeroDivisionError, IndexError):
            continue
    voxels = [math.prod(shape) for shape in shapes]
    return msgspec.structs.replace(
        files,
        export_needs=tuple(needs),
        voxels=sum(voxels) or None,
        largest_case_voxels=max(voxels, default=None),
        holds_patch=any(_holds(shape, plan.patch_size) for shape in shapes) if plan and shapes else None,
    )


def _shape(properties: dict[str, Any], plan: Plan, order: tuple[int, ...]) -> tuple[int, ...]:
    # Shape of the case as it is stored: at the plan's spacing.
    spacing = [properties["spacing"][axis] for axis in order]
    target = plan.spacing if len(plan.spacing) == len(spacing) else (spacing[0], *plan.spacing)
    sides = properties["shape_after_cropping_and_before_resampling"]
    return tuple(max(1, round(side * old / new)) for side, old, new in zip(sides, spacing, target, strict=True))


def _holds(shape: tuple[int, ...], patch: tuple[int, ...]) -> bool:
    # A two-dimensional patch must fit into one slice.
    return all(side >= wanted for side, wanted in zip(shape[-len(patch) :], patch, strict=True))
