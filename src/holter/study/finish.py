"""The commands of nnU-Net to run after a study: choose, combine and export."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from holter.probes.training.preprocessed import folds_of
from holter.records import Message
from holter.sentences import define
from holter.study.plan import command_of
from holter.study.records import Cell, Job, by_model
from holter.texts.training_command import model_options

Step = tuple[Message, tuple[str, ...]]  # a sentence, and the commands to type
Model = tuple[Job, ...]  # all folds with one configuration, trainer and plans
TRAIN_FIRST = define(
    "study.finish-train", "{dataset}: not done yet: {count} trainings", one="{dataset}: not done yet: {count} training"
)
MAKE_NPZ = define(
    "study.finish-npz", "{dataset}: predicted probabilities for the ensemble (.npz) are missing; make them with"
)
FIND_BEST = define("study.finish-best", "{dataset}: all folds are done: find the best configuration or ensemble with")
ALL_ALONE = define("study.finish-all", "{dataset}: fold all has no validation cases of its own: predict with")
SOME_FOLDS = define(
    "study.finish-some", "{dataset}: not all folds are in this study: choose it by hand, then predict with"
)
EXPORT = define("study.finish-export", "{dataset}: to take the trained models elsewhere")
NEXT = define(
    "study.finish-next", "{dataset}: then predict new cases as inference_instructions.txt in its results folder says"
)


def steps_of(cells: Sequence[Cell], extra: Sequence[str] = ()) -> list[Step]:
    """Return the next steps for each data set."""
    steps: list[Step] = []
    for dataset in dict.fromkeys(cell.job.dataset for cell in cells):
        steps += _of_dataset(dataset, [cell for cell in cells if cell.job.dataset == dataset], extra)
    return steps


def _of_dataset(dataset: str, cells: Sequence[Cell], extra: Sequence[str]) -> list[Step]:
    left = [cell for cell in cells if cell.state != "done"]
    if left:
        start = tuple(command_of(cell, extra) for cell in left if cell.state != "running")
        return [(TRAIN_FIRST(dataset=dataset, count=len(left)), start)]
    folds = folds_of(cells[0].job.preprocessed.parent)
    models = [tuple(cell.job for cell in own) for own in by_model(cells)]
    cross = [jobs for jobs in models if set(folds) <= {job.fold for job in jobs}]
    exported = (EXPORT(dataset=dataset), tuple(_export(jobs) for jobs in models))
    if not cross:
        sentence = ALL_ALONE if all(cell.job.fold == "all" for cell in cells) else SOME_FOLDS
        predict = ("nnUNetv2_predict", "-d", dataset, *_model(models[0]))
        return [(sentence(dataset=dataset), (f"{shlex.join(predict)} -i INPUT -o OUTPUT",)), exported]
    calls = _together(cross)
    # For an ensemble of two models of one call.
    without = [
        job for models in calls if len(models) > 1 for jobs in models for job in jobs if not _has_npz(job.folder)
    ]
    steps = []
    if without:
        options = (*_device(extra), "--val", "--npz")
        again = tuple(shlex.join(("nnUNetv2_train", *job.arguments(options))) for job in without)
        steps.append((MAKE_NPZ(dataset=dataset), again))
    best = tuple(_best(dataset, folds, models) for models in calls)
    return [*steps, (FIND_BEST(dataset=dataset), best), (NEXT(dataset=dataset), ()), exported]


def _together(models: Sequence[Model]) -> list[Sequence[Model]]:
    # nnU-Net looks for each configuration × trainer × plans of a call. If one is not there: a call for each trainer.
    if math.prod(map(len, _named(models))) == len(models):
        return [models]
    ways = dict.fromkeys((jobs[0].trainer, jobs[0].plans) for jobs in models)
    return [[jobs for jobs in models if (jobs[0].trainer, jobs[0].plans) == way] for way in ways]


def _named(models: Sequence[Model]) -> tuple[list[str], list[str], list[str]]:
    # Configurations, trainers and plans, each once.
    found = ((job.configuration, job.trainer, job.plans) for job, *_ in models)
    configurations, trainers, plans = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    return configurations, trainers, plans


def _best(dataset: str, folds: Sequence[str], models: Sequence[Model]) -> str:
    configurations, trainers, plans = _named(models)
    options = ("-tr", *trainers, "-p", *plans) if any(jobs[0].unusual for jobs in models) else ()
    alone = () if len(models) > 1 else ("--disable_ensembling",)
    words = ("nnUNetv2_find_best_configuration", dataset, "-c", *configurations, "-f", *folds, *options, *alone)
    return shlex.join(words)


def _model(jobs: Model) -> tuple[str, ...]:
    job = jobs[0]
    folds = (each.fold for each in jobs)
    return ("-c", job.configuration, "-f", *folds, *model_options(job.trainer, job.plans))


def _export(jobs: Model) -> str:
    job = jobs[0]
    file = "_".join((job.dataset, job.configuration, *job.unusual)) + ".zip"
    return shlex.join(("nnUNetv2_export_model_to_zip", "-d", job.dataset, "-o", file, *_model(jobs)))


def _device(extra: Sequence[str]) -> tuple[str, ...]:
    at = extra.index("-device") if "-device" in extra else len(extra)
    return tuple(extra[at : at + 2])


def _has_npz(folder: Path) -> bool:
    return any((folder / "validation").glob("*.npz"))
