"""Which trainings of a study must be done before others can start: the folds that a cascade takes its input from."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from holter.errors import BadInput
from holter.sentences import NOTHING_STARTED, define
from holter.study.records import Cell
from holter.study.sentences import name_of
from holter.study.state.survey import lacking_folds

NEEDS_OTHERS = define(
    "error.study-needs-others", "{name} needs all folds of {configuration}, of which {folds} are not in this study."
)
BLOCKED = define("error.study-blocked", "{name}: {why}.")


def trouble_of(cells: Sequence[Cell]) -> BadInput | None:
    """Return the error with which these trainings cannot be started; None if they can."""
    try:
        needs_of(cells)
    except BadInput as error:
        return error
    return None


def needs_of(cells: Sequence[Cell]) -> dict[Path, frozenset[Path]]:
    """Return for the folder of each fold the folders of this study that must be done before it.

    Raises:  BadInput if a fold is blocked, or waits for something that is not in the study.
    """
    open_jobs = {cell.job.folder for cell in cells if cell.state != "done"}
    needs: dict[Path, frozenset[Path]] = {}
    for cell in cells:
        lacking = () if cell.state == "done" else lacking_folds(cell.job)
        model = cell.job.folder.parent.with_name(f"{cell.job.trainer}__{cell.job.plans}__{cell.job.previous}")
        folders = frozenset(model / f"fold_{fold}" for fold in lacking)
        whole = frozenset({model / "fold_all"})
        if lacking and not folders <= open_jobs and whole <= open_jobs:
            folders = whole
        strange = sorted(folder.name.removeprefix("fold_") for folder in folders - open_jobs)
        if strange:
            others = cell.job.arguments()[3:]  # -tr, -p
            raise BadInput(
                NEEDS_OTHERS(name=name_of(cell.job), configuration=cell.job.previous, folds=tuple(strange)),
                safe=NOTHING_STARTED(),
                next_step=f"{shlex.join(('holter', 'study', 'run', cell.job.dataset, *others))} -c {cell.job.previous} "
                + cell.job.configuration,
            )
        if cell.state == "blocked" and not lacking:
            raise BadInput(
                BLOCKED(name=name_of(cell.job), why=cell.why),
                safe=NOTHING_STARTED(),
                next_step=f"nnUNetv2_preprocess -d {cell.job.dataset} -plans_name {cell.job.plans}",
            )
        needs[cell.job.folder] = folders
    return needs
