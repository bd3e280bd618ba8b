"""Turn the words of a command line into the jobs of a study, checked against nnU-Net's folders."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from holter.doctor.collect.question import IS_IT_MEANT, NO_CONFIGURATION, NO_PLANS, Found, find
from holter.doctor.records import Asked
from holter.errors import BadInput
from holter.probes.training.preprocessed import folds_of
from holter.records import Message
from holter.sentences import NOTHING_STARTED, define
from holter.study.records import Job
from holter.study.study_file import DATASETS, StudyFile
from holter.supervisor.train import check_paths

# nnU-Net makes five folds; of a fold that is not in splits_final.json it makes a random 80:20 split without a word.
NO_DATASET_NAMED = define("error.study-no-dataset", "No data set is named.")
NO_FOLD = define("error.study-no-fold", "There is no fold {fold}: {dataset} has {folds}, or all.")
NOT_A_FOLD = define("error.study-not-a-fold", "{fold} is not a fold.")
FOLD_WORDS = define("next.study-folds", "-f 0-4, -f 0 2 4 or -f all")
NOTHING_PREPROCESSED = define(
    "error.study-nothing-preprocessed", "No configuration of {plans} of {dataset} has been preprocessed."
)
NOT_A_PRIORITY = define("error.study-not-a-priority", "{word} is no priority: it is WHAT=NUMBER.")
NOTHING_FITS = define("error.study-priority-fits-none", "No training of this study is of {word}; there are {names}.")
PRIORITY_WORDS = define(
    "next.study-priorities",
    "--priority 5=1 or --priority 5/3d_fullres=2: higher ones start first, 0 is what nothing is said of",
)
DOCTOR = "holter doctor "
# An error of a study file is about the line of this key.
KEY_OF = {NO_CONFIGURATION.key: "configurations", NO_PLANS.key: "plans", NO_FOLD.key: "folds", NOT_A_FOLD.key: "folds"}


def jobs_of(
    datasets: Sequence[str],
    configurations: Sequence[str],
    folds: Sequence[str],
    environ: Mapping[str, str],
    *,
    trainer: str = "nnUNetTrainer",
    plans: str = "nnUNetPlans",
) -> tuple[Job, ...]:
    """Return one job for each data set, configuration and fold, in this order, each once.

    ``configurations``: empty for all that are preprocessed. ``folds``: ``0``, ``0-4``, ``0,2``, ``all``.

    Raises:  BadInput.
    """
    if not datasets:
        raise BadInput(NO_DATASET_NAMED(), safe=NOTHING_STARTED(), next_step="holter study plan 4 -c 3d_fullres")
    check_paths(environ)
    wanted = [fold for word in folds for fold in _folds(word)]
    if not wanted:
        raise _not_a_fold(" ".join(folds))
    found: dict[Path, Job] = {}
    for dataset in datasets:
        asked = Asked(dataset=dataset, trainer=trainer, plans=plans)
        there = _found(dataset, asked, environ)
        count = len(folds_of(there.folder))
        for configuration in configurations or _preprocessed(there, asked, environ):
            own = msgspec.structs.replace(asked, dataset=there.name, configuration=configuration)
            for job in _jobs(_found(there.name, own, environ), own, count, wanted, environ):
                found.setdefault(job.folder, job)
    return tuple(found.values())


def _found(dataset: str, asked: Asked, environ: Mapping[str, str]) -> Found:
    try:
        return find(dataset, asked, environ)
    except BadInput as error:
        # What it suggests is a command of the doctor's.
        step = error.next_step
        if isinstance(step, Message) and step.key == IS_IT_MEANT.key:
            name = dict(step.values)["name"]
            error.next_step = IS_IT_MEANT(name=name, command=f"holter study plan {shlex.quote(str(name))}")
        elif isinstance(step, str) and step.startswith(DOCTOR):
            dataset, *rest = shlex.split(step.removeprefix(DOCTOR))
            words = ["-c", *rest] if rest and not rest[0].startswith("-") else rest
            error.next_step = shlex.join(("holter", "study", "plan", dataset, *words))
        raise


class Wanted(NamedTuple):
    """The defaults for groups of a study file: used where a group does not say something else."""

    configurations: tuple[str, ...] = ()
    folds: tuple[str, ...] = ("0-4",)
    trainer: str = "nnUNetTrainer"
    plans: str = "nnUNetPlans"


def jobs_of_file(file: StudyFile, wanted: Wanted, environ: Mapping[str, str]) -> tuple[Job, ...]:
    """Return the jobs of a study file, each once; of one that is in several groups, the first.

    Raises:  BadInput, with the line of the file.
    """
    check_paths(environ)
    found: dict[Path, Job] = {}
    for group in file.groups:
        for dataset in group.datasets:
            try:
                jobs = jobs_of(
                    (dataset,),
                    group.configurations if group.configurations is not None else wanted.configurations,
                    group.folds if group.folds is not None else wanted.folds,
                    environ,
                    trainer=group.trainer or wanted.trainer,
                    plans=group.plans or wanted.plans,
                )
            except BadInput as error:
                key = KEY_OF.get(getattr(error.what, "key", ""), DATASETS)
                raise file.error(key, error.what, group=group.number, next_step=error.next_step) from error
            for job in jobs:
                found.setdefault(job.folder, msgspec.structs.replace(job, priority=group.priority))
    return tuple(found.values())


def _jobs(found: Found, asked: Asked, count: int, folds: Sequence[str], environ: Mapping[str, str]) -> list[Job]:
    dataset, configuration = found.name, asked.configuration or ""
    jobs = []
    for fold in folds:
        if fold != "all" and int(fold) >= count:
            raise BadInput(
                NO_FOLD(fold=fold, dataset=dataset, folds=f"0-{count - 1}"),
                safe=NOTHING_STARTED(),
                next_step=f"holter study plan {dataset} -c {configuration} -f 0-{count - 1}",
            )
        model = f"{asked.trainer}__{asked.plans}__{configuration}"
        jobs.append(
            Job(
                dataset=dataset,
                configuration=configuration,
                fold=fold,
                trainer=asked.trainer,
                plans=asked.plans,
                folder=Path(environ["nnUNet_results"]) / dataset / model / f"fold_{fold}",
                preprocessed=found.preprocessed or Path(),
                previous=_previous(found.plans["configurations"], configuration),
            )
        )
    return jobs


def _previous(configurations: object, name: str | None) -> str | None:
    # Of a cascade, which may inherit it. More levels than these mean a cycle.
    for _ in range(10):
        own = configurations.get(name) if isinstance(configurations, dict) else None
        if not isinstance(own, dict):
            return None
        if "previous_stage" in own:
            previous = own["previous_stage"]
            return previous if isinstance(previous, str) else None
        name = own.get("inherits_from")
    return None


def _preprocessed(found: Found, asked: Asked, environ: Mapping[str, str]) -> list[str]:
    there = [name for name in found.plans["configurations"] if _has_cases(found.name, name, asked, environ)]
    if not there:
        raise BadInput(
            NOTHING_PREPROCESSED(plans=asked.plans, dataset=found.name),
            safe=NOTHING_STARTED(),
            next_step=f"nnUNetv2_preprocess -d {found.name} -plans_name {asked.plans}",
        )
    return there


def _has_cases(dataset: str, name: str, asked: Asked, environ: Mapping[str, str]) -> bool:
    try:
        folder = find(dataset, msgspec.structs.replace(asked, configuration=name), environ).preprocessed
    except BadInput:  # a configuration that only others inherit from
        return False
    return folder is not None and folder.is_dir()


def _folds(word: str) -> list[str]:
    folds: list[str] = []
    for part in filter(None, re.split(r"[,\s]+", word)):
        span = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part)
        if part == "all":
            folds.append(part)
        elif span is not None and int(span[1]) <= int(span[2] or span[1]):
            folds += [str(fold) for fold in range(int(span[1]), int(span[2] or span[1]) + 1)]
        else:
            raise _not_a_fold(part)
    return folds


def _not_a_fold(word: str) -> BadInput:
    return BadInput(NOT_A_FOLD(fold=repr(word)), safe=NOTHING_STARTED(), next_step=FOLD_WORDS())


def with_priorities(jobs: Sequence[Job], words: Sequence[str]) -> tuple[Job, ...]:
    """Return the jobs with the priorities of ``WHAT=NUMBER``; of several that fit a job, the last counts.

    WHAT is a data set (number or name), a configuration, or both with a slash.

    Raises:  BadInput.
    """
    ranked = tuple(jobs)
    for word in words:
        what, _, number = word.rpartition("=")
        if not what or not re.fullmatch(r"-?[0-9]{1,6}", number):
            raise BadInput(NOT_A_PRIORITY(word=repr(word)), safe=NOTHING_STARTED(), next_step=PRIORITY_WORDS())
        fits = [all(part in _names(job) for part in what.split("/")) for job in ranked]
        if not any(fits):
            known = tuple(dict.fromkeys(name for job in ranked for name in job.family))
            raise BadInput(
                NOTHING_FITS(word=repr(what), names=known), safe=NOTHING_STARTED(), next_step=PRIORITY_WORDS()
            )
        ranked = tuple(
            msgspec.structs.replace(job, priority=int(number)) if is_meant else job
            for job, is_meant in zip(ranked, fits, strict=True)
        )
    return ranked


def _names(job: Job) -> tuple[str, ...]:
    number = re.match(r"Dataset0*(\d+)_", job.dataset)
    return (*job.family, *((number[1], f"{int(number[1]):03d}") if number else ()))
