"""Notice plans that have changed between the folds of a model: a new planning, another nnU-Net, an edited file.

nnU-Net keeps a copy of the plans beside the folds, and overwrites it whenever a fold starts. So the folds of one model
may have been trained with different patches or labels, and their Dice is then not of one model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from holter.records import Message
from holter.sentences import define
from holter.study.records import Cell, Job, by_model
from holter.texts.plans import read_json, with_inherited

CHANGED = define(
    "study.plans-changed",
    "{plans} of {dataset} has changed since folds of {configuration} were trained ({names}): folds that start now "
    "would not be of one model with these folds: {folds}. Restore the file, or train all folds again.",
)
# Names and sizes that follow from the data, and do not change the training.
NOT_COMPARED = frozenset({"inherits_from", "median_image_size_in_voxels"})
OF_DATASET = ("labels", "regions_class_order", "channel_names")
HAS_RESULTS = ("done", "running", "unfinished", "broken")


def changed_plans(cells: Iterable[Cell]) -> tuple[Message, ...]:
    """Return a warning for each model that has folds, is not done, and has other plans than the preprocessed data."""
    found = []
    for own in by_model(cells):
        trained = tuple(cell.job.fold for cell in own if cell.state in HAS_RESULTS)
        names = _differences(own[0].job) if trained and any(cell.state != "done" for cell in own) else ()
        if names:
            job = own[0].job
            found.append(
                CHANGED(
                    plans=job.plans, dataset=job.dataset, configuration=job.configuration, names=names, folds=trained
                )
            )
    return tuple(found)


def _differences(job: Job) -> tuple[str, ...]:
    # The names of what differs. A file that is not there, or not readable, differs in nothing.
    data = job.preprocessed.parent
    old = with_inherited(read_json(job.model / "plans.json"), job.configuration)
    new = with_inherited(read_json(data / f"{job.plans}.json"), job.configuration)
    compared = sorted((old.keys() | new.keys()) - NOT_COMPARED) if old and new else []
    differing = [name for name in compared if old.get(name) != new.get(name)]
    return (*differing, *_differing(read_json(job.model / "dataset.json"), read_json(data / "dataset.json")))


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in OF_DATASET if old and new and old.get(name) != new.get(name))
