"""The commands of nnU-Net to run after a study: choose, combine and export."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from holter.records import Message
from holter.sentences import define
from holter.study.plan import command_of
from holter.study.records import Cell
from holter.texts.training_command import model_options

FOLDS = tuple("01234")
TRAIN_FIRST = define(
    "study.finish-train", "{dataset}: not done yet: {count} trainings", one="{dataset}: not done yet: {count} training"
)
MAKE_NPZ = define(
    "study.finish-npz", "{dataset}: predicted probabilities for the ensemble (.npz) are missing; make them with"
)
FIND_BEST = define("study.finish-best", "{dataset}: all folds are done: find the best configuration or ensemble with")
ALL_ALONE = define("study.finish-all", "{dataset}: fold all has no validation cases of its own: predict with")
SOME_FOLDS = define(
    "study.finish-some", "{dataset}: not all of folds 0-4 are in this study: choose it by hand, then predict with"
)
EXPORT = define("study.finish-export", "{dataset}: to take the trained models elsewhere")
NEXT = define(
    "study.finish-next", "{dataset}: then predict new cases as inference_instructions.txt in its results folder says"
)


def steps_of(cells: Sequence[Cell], extra: Sequence[str] = ()) -> list[tuple[Message, tuple[str, ...]]]:
    """Return the next step for each data set: a sentence, and the commands to type."""
    steps: list[tuple[Message, tuple[str, ...]]] = []
    for dataset in dict.fromkeys(cell.job.dataset for cell in cells):
        steps += _of_dataset(dataset, [cell for cell in cells if cell.job.dataset == dataset], extra)
    return steps


def _of_dataset(dataset: str, cells: Sequence[Cell], extra: Sequence[str]) -> list[tuple[Message, tuple[str, ...]]]:
    left = [cell for cell in cells if cell.state != "done"]
    if left:
        return [(TRAIN_FIRST(dataset=dataset, count=len(left)), tuple(command_of(cell, extra) for cell in left))]
    configurations = list(dict.fromkeys(cell.job.configuration for cell in cells))
    cross = [name for name in configurations if _has_all_folds(name, cells)]
    job = cells[0].job
    options = model_options(job.trainer, job.plans)
    exported = (EXPORT(dataset=dataset), tuple(_export(name, cells, options) for name in configurations))
    if not cross:
        sentence = ALL_ALONE if all(cell.job.fold == "all" for cell in cells) else SOME_FOLDS
        folds = [cell.job.fold for cell in cells if cell.job.configuration == configurations[0]]
        predict = ("nnUNetv2_predict", "-d", dataset, "-c", configurations[0], "-f", *folds, *options)
        return [(sentence(dataset=dataset), (f"{shlex.join(predict)} -i INPUT -o OUTPUT",)), exported]
    without = [cell for cell in cells if cell.job.configuration in cross and not _has_npz(cell.job.folder)]
    steps = []
    if len(cross) > 1 and without:
        again = tuple(shlex.join(("nnUNetv2_train", *cell.job.arguments(("--val", "--npz")))) for cell in without)
        steps.append((MAKE_NPZ(dataset=dataset), again))
    alone = () if len(cross) > 1 else ("--disable_ensembling",)
    options = ("-tr", job.trainer, "-p", job.plans) if options else ()
    best = ("nnUNetv2_find_best_configuration", dataset, "-c", *cross, "-f", *FOLDS, *options, *alone)
    return [*steps, (FIND_BEST(dataset=dataset), (shlex.join(best),)), (NEXT(dataset=dataset), ()), exported]


def _export(configuration: str, cells: Sequence[Cell], options: Sequence[str]) -> str:
    own = [cell.job for cell in cells if cell.job.configuration == configuration]
    file = f"{own[0].dataset}_{configuration}.zip"
    words = ("-d", own[0].dataset, "-o", file, "-c", configuration, "-f", *(job.fold for job in own), *options)
    return shlex.join(("nnUNetv2_export_model_to_zip", *words))


def _has_all_folds(configuration: str, cells: Sequence[Cell]) -> bool:
    return set(FOLDS) <= {cell.job.fold for cell in cells if cell.job.configuration == configuration}


def _has_npz(folder: Path) -> bool:
    return any((folder / "validation").glob("*.npz"))
