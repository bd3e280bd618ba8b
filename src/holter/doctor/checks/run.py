"""This fold, and other trainings beside it."""

from __future__ import annotations

import shlex

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.records import Neighbour, Result, Survey

FOLDS = 5  # nnU-Net makes five splits where there are none
LATEST = ("checkpoint_latest.pth", "checkpoint_best.pth")


def fold_free(survey: Survey) -> Result:
    """Nobody trains this fold now."""
    fold = survey.fold
    if fold is None:
        return not_applicable("fold-free", "no-fold")
    if fold.lock is None:
        return unknown("fold-free", "results-unread")
    values = {"holder": fold.lock_holder or "?", "folder": fold.folder}
    if fold.lock == "held":
        return result("no-go", "fold-free", "held", **values)
    if fold.lock == "elsewhere":
        return result("warn", "fold-free", "elsewhere", **values)
    same = [one for one in survey.neighbours or () if _same_fold(one, survey)]
    here = [one for one in same if one.results is not None]
    if here:
        return result("no-go", "fold-free", "trained", pid=here[0].pid, setting=f"holter attach {here[0].pid}")
    if same:
        return result("warn", "fold-free", "perhaps", pid=same[0].pid, user=same[0].user or "?")
    if survey.neighbours is None:
        return unknown("fold-free", "proc-unlisted")
    return go("fold-free")


def _same_fold(one: Neighbour, survey: Survey) -> bool:
    """The same names, and not certainly in another results folder."""
    asked = survey.asked
    elsewhere = one.results is not None and one.results.rstrip("/") != survey.variables.get(
        "nnUNet_results", ""
    ).rstrip("/")
    names = (one.configuration, one.fold, one.trainer, one.plans)
    wanted = (asked.configuration, asked.fold, asked.trainer, asked.plans)
    return not elsewhere and names == wanted and _same_data(one.dataset, survey)


def fold_history(survey: Survey) -> Result:
    """What an earlier training left: nnU-Net without --c begins anew over it."""
    fold = survey.fold
    if fold is None:
        return not_applicable("fold-history", "no-fold")
    asked = survey.asked
    words = [asked.dataset or "", asked.configuration or "", asked.fold]
    words += ["-p", asked.plans] if asked.plans != "nnUNetPlans" else []
    words += ["-tr", asked.trainer] if asked.trainer != "nnUNetTrainer" else []
    command = f"nnUNetv2_train {shlex.join(words)}"
    if "checkpoint_final.pth" in fold.checkpoints:
        return result("warn", "fold-history", "finished", folder=fold.folder, setting=f"{command} --val")
    if any(name in fold.checkpoints for name in LATEST):
        return result("warn", "fold-history", "begun", folder=fold.folder, setting=f"{command} --c")
    return go("fold-history")


def fold_exists(survey: Survey) -> Result:
    """The split has this fold."""
    plan, fold = survey.plan, survey.asked.fold
    if plan is None:
        return not_applicable("fold-exists", "no-fold")
    if fold == "all":
        return go("fold-exists", "all")
    count = plan.folds if plan.folds is not None else FOLDS
    if not fold.isdigit() or int(fold) >= count:
        return result("no-go", "fold-exists", "none", fold=fold, count=count)
    return go("fold-exists", "go" if plan.folds is not None else "to-be-made", fold=fold, count=count)


def other_trainings(survey: Survey) -> Result:
    """Trainings that share cores, memory and disk with this one."""
    others = survey.neighbours
    if others is None:
        return unknown("other-trainings", "proc-unlisted")
    if not others:
        return go("other-trainings")
    shown = "; ".join(f"{one.dataset} {one.configuration} {one.fold} (PID {one.pid}, {one.user})" for one in others[:3])
    unsplit = survey.plan is not None and survey.plan.folds is None
    place = survey.variables.get("nnUNet_preprocessed")
    fresh = unsplit and any(_same_data(one.dataset, survey) and one.preprocessed == place for one in others)
    return result("warn", "other-trainings", "racing" if fresh else "beside", count=len(others), shown=shown)


def _same_data(dataset: str, survey: Survey) -> bool:
    asked = survey.asked.dataset or ""
    return dataset == asked or (dataset.isdigit() and asked.startswith(f"Dataset{int(dataset):03d}_"))


CHECKS = (fold_free, fold_history, fold_exists, other_trainings)
