"""Checks of this fold, and of other trainings on the machine."""

from __future__ import annotations

import shlex

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.records import Neighbour, Result, Survey
from holter.probes.training.preprocessed import USUAL_FOLDS
from holter.records import Message
from holter.sentences import define, define_all, joined
from holter.texts.training_command import model_options

define_all(
    {
        "doctor.fold-free.title": "fold is free",
        "doctor.fold-history.title": "earlier training",
        "doctor.fold-exists.title": "fold exists",
        "doctor.other-trainings.title": "other trainings",
        "doctor.fold-free.go": "no training of it is running",
        "doctor.fold-free.held": "Another Holter trains in {folder}[[ ({holder})]].",
        "doctor.fold-free.held.do": "Let it go on, or choose another fold.",
        "doctor.fold-free.elsewhere": (
            "{folder} is locked[[ by {holder}]]; whether that process is alive cannot be seen from here."
        ),
        "doctor.fold-free.elsewhere.do": (
            "Check there first. holter train takes over a lock that was not refreshed for 5 minutes."
        ),
        "doctor.fold-free.perhaps": (
            "A training of this name runs on this machine (PID {pid}[[, {user}]]); where its results go cannot be seen."
        ),
        "doctor.fold-free.perhaps.do": "Make sure that it writes somewhere else.",
        "doctor.fold-free.trained": "This fold is being trained on this machine now (PID {pid}).",
        "doctor.fold-free.trained.do": "Let it go on and watch it.",
        "doctor.fold-history.go": "none",
        "doctor.fold-history.finished": ("This fold was trained to its end; a new training overwrites it ({folder})."),
        "doctor.fold-history.finished.do": "To validate only:",
        "doctor.fold-history.begun": (
            "A training was started in {folder}; nnUNetv2_train without --c overwrites it from epoch 0."
        ),
        "doctor.fold-history.begun.do": "To resume (holter train does it by itself):",
        "doctor.fold-exists.go": "{fold} of {count}",
        "doctor.fold-exists.to-be-made": "the first training will make {count} splits",
        "doctor.fold-exists.all": "all cases, no split",
        "doctor.fold-exists.none": "{fold} is no fold: it is a number, or all.",
        "doctor.fold-exists.none.do": "Choose one from 0 on.",
        "doctor.fold-exists.random": (
            "Fold {fold} is not in the split, which has {count} folds, counted from 0: nnU-Net then trains with a "
            "random 80:20 split of all cases."
        ),
        "doctor.fold-exists.random.do": "If that is not intended: choose another fold.",
        "doctor.orphaned-workers.title": "left-over workers",
        "doctor.orphaned-workers.go": "none",
        "doctor.orphaned-workers.left": (
            "{count} workers of a training that is dead are still here ({training}[[, {user}]]): its main process is "
            "gone, they wait for it without end and hold memory.",
            "A worker of a training that is dead is still here ({training}[[, {user}]]): its main process is gone, it "
            "waits for it without end and holds memory.",
        ),
        "doctor.orphaned-workers.left.do": "End them; the training itself is not running.",
        "doctor.other-trainings.go": "none that can be seen",
        "doctor.other-trainings.beside": (
            "Other trainings run here ({count}): {shown}. They share cores, memory and disk."
        ),
        "doctor.other-trainings.beside.do": "Divide the cores among them with nnUNet_n_proc_DA.",
        "doctor.other-trainings.racing": (
            "Another fold of this data set starts, and splits_final.json does not exist yet: {shown}. Both would write "
            "it."
        ),
        "doctor.other-trainings.racing.do": "Wait until the first one is in epoch 0.",
    }
)

OTHER = define("doctor.other-trainings.one", "{training} (PID {pid}[[, {user}]])")

LATEST = ("checkpoint_latest.pth", "checkpoint_best.pth")


def fold_free(survey: Survey) -> Result:
    """Check that no training of this fold is running."""
    fold = survey.fold
    if fold is None:
        return not_applicable("fold-free", "no-fold")
    if fold.lock is None:
        return unknown("fold-free", "results-unread")
    values = {"holder": fold.lock_holder, "folder": fold.folder}
    if fold.lock == "held":
        return result("no-go", "fold-free", "held", **values)
    if fold.lock == "elsewhere":
        return result("warn", "fold-free", "elsewhere", **values)
    same = [
        neighbour for neighbour in survey.neighbours or () if not neighbour.is_orphan and _same_fold(neighbour, survey)
    ]
    here = [neighbour for neighbour in same if neighbour.results is not None]
    if here:
        return result("no-go", "fold-free", "trained", pid=here[0].pid, setting=f"holter attach {here[0].pid}")
    if same:
        return result("warn", "fold-free", "perhaps", pid=same[0].pid, user=same[0].user)
    if survey.neighbours is None:
        return unknown("fold-free", "proc-unlisted")
    return go("fold-free")


def _same_fold(neighbour: Neighbour, survey: Survey) -> bool:
    # The same names, and not known to be in another results folder.
    asked = survey.asked
    elsewhere = neighbour.results is not None and neighbour.results.rstrip("/") != survey.variables.get(
        "nnUNet_results", ""
    ).rstrip("/")
    names = (neighbour.configuration, neighbour.fold, neighbour.trainer, neighbour.plans)
    wanted = (asked.configuration, asked.fold, asked.trainer, asked.plans)
    return not elsewhere and names == wanted and _same_data(neighbour.dataset, survey)


def fold_history(survey: Survey) -> Result:
    """Check for results of an earlier training: nnU-Net without --c overwrites them."""
    fold = survey.fold
    if fold is None:
        return not_applicable("fold-history", "no-fold")
    asked = survey.asked
    options = model_options(asked.trainer, asked.plans)
    words = (asked.dataset or "", asked.configuration or "", asked.fold, *options)
    command = f"nnUNetv2_train {shlex.join(words)}"
    if "checkpoint_final.pth" in fold.checkpoints:
        return result("warn", "fold-history", "finished", folder=fold.folder, setting=f"{command} --val")
    if any(name in fold.checkpoints for name in LATEST):
        return result("warn", "fold-history", "begun", folder=fold.folder, setting=f"{command} --c")
    return go("fold-history")


def fold_exists(survey: Survey) -> Result:
    """Check that splits_final.json has this fold."""
    plan, fold = survey.plan, survey.asked.fold
    if plan is None:
        return not_applicable("fold-exists", "no-fold")
    if fold == "all":
        return go("fold-exists", "all")
    count = plan.folds if plan.folds is not None else USUAL_FOLDS
    if not fold.isdecimal():
        return result("no-go", "fold-exists", "none", fold=fold)
    if int(fold) >= count:
        return result("warn", "fold-exists", "random", fold=fold, count=count)
    return go("fold-exists", "go" if plan.folds is not None else "to-be-made", fold=fold, count=count)


def other_trainings(survey: Survey) -> Result:
    """Check for trainings that share cores, memory and disk with this one."""
    if survey.neighbours is None:
        return unknown("other-trainings", "proc-unlisted")
    others = [other for other in survey.neighbours if not other.is_orphan]
    if not others:
        return go("other-trainings")
    shown = joined(*map(_described, others[:3]))
    unsplit = survey.plan is not None and survey.plan.folds is None
    place = survey.variables.get("nnUNet_preprocessed")
    fresh = unsplit and any(_same_data(other.dataset, survey) and other.preprocessed == place for other in others)
    return result("warn", "other-trainings", "racing" if fresh else "beside", count=len(others), shown=shown)


def _described(other: Neighbour) -> Message:
    training = f"{other.dataset} {other.configuration} {other.fold}"
    return OTHER(training=training, pid=other.pid, user=other.user)


def _same_data(dataset: str, survey: Survey) -> bool:
    asked = survey.asked.dataset or ""
    return dataset == asked or (dataset.isdecimal() and asked.startswith(f"Dataset{int(dataset):03d}_"))


def orphaned_workers(survey: Survey) -> Result:
    """Check for workers of a training that is dead: they hold memory and never end."""
    if survey.neighbours is None:
        return unknown("orphaned-workers", "proc-unlisted")
    orphans = [neighbour for neighbour in survey.neighbours if neighbour.is_orphan]
    if not orphans:
        return go("orphaned-workers")
    worker = orphans[0]
    return result(
        "warn",
        "orphaned-workers",
        "left",
        count=len(orphans),
        training=f"{worker.dataset} {worker.configuration} {worker.fold}",
        user=worker.user,
        setting="kill " + " ".join(str(orphan.pid) for orphan in orphans),
    )


CHECKS = (fold_free, fold_history, fold_exists, other_trainings, orphaned_workers)
