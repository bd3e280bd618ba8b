"""Checks of folders: set, readable, writable, and with enough free space."""

from __future__ import annotations

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.needs import COPIES_OF_CHECKPOINT, checkpoint_bytes
from holter.doctor.records import Result, State, Survey
from holter.sentences import define_all
from holter.sizes import GIB

define_all(
    {
        "doctor.folders-set.title": "nnU-Net variables",
        "doctor.folders-answer.title": "folders answer",
        "doctor.folders-writable.title": "folders writable",
        "doctor.room-for-results.title": "space for checkpoints",
        "doctor.room-for-unpacking.title": "space to unpack",
        "doctor.room-in-tmp.title": "space in tmp",
        "doctor.folders-set.go": "all three are set",
        "doctor.folders-set.missing": "Not set: {names}.",
        "doctor.folders-set.missing.do": "Set them where the training starts (~/.bashrc, the job script).",
        "doctor.folders-answer.go": "all {count}",
        "doctor.folders-answer.problem": (
            "{path}: {why}. The mount may hang, and then every process that uses it hangs too."
        ),
        "doctor.folders-answer.problem.do": "First let the administrator check the file server or the mount.",
        "doctor.folders-answer.forbidden": "{path} may not be read by this user.",
        "doctor.folders-answer.forbidden.do": "Change its permissions.",
        "doctor.folders-writable.go": "a small file could be written in each",
        "doctor.folders-writable.refused": "Nothing can be written to {path}[[: {why}]].",
        "doctor.folders-writable.refused.do": ("Free disk space, change permissions or quota, or use another folder."),
        "doctor.room-for-results.go": "{need:bytes} of {free:bytes} free for four checkpoints",
        "doctor.room-for-results.no-plan": "{free:bytes} free",
        "doctor.room-for-results.little": (
            "{free:bytes} are free in {path}; checkpoints and predictions may take {need:bytes}."
        ),
        "doctor.room-for-results.little.do": "Free disk space.",
        "doctor.room-for-results.close": (
            "{free:bytes} are free in {path}; four checkpoints take {need:bytes}, predictions come on top."
        ),
        "doctor.room-for-results.close.do": "Free disk space.",
        "doctor.room-for-results.too-little": "{free:bytes} are free in {path}; four checkpoints take {need:bytes}.",
        "doctor.room-for-results.too-little.do": "Free disk space, or set nnUNet_results to another disk.",
        "doctor.room-for-results.inodes": "{count} more files can be created on the file system of {path} (inodes).",
        "doctor.room-for-results.inodes.do": "Remove or pack folders with very many small files.",
        "doctor.room-for-unpacking.unpacked": "nothing needs to be unpacked",
        "doctor.room-for-unpacking.go": "about {need:bytes} of {free:bytes} free",
        "doctor.room-for-unpacking.too-little": "Unpacking takes about {need:bytes} in {path}; {free:bytes} are free.",
        "doctor.room-for-unpacking.too-little.do": (
            "Free disk space, or preprocess with nnU-Net 2.6 or newer, which does not unpack."
        ),
        "doctor.room-in-tmp.go": "{free:bytes} free",
        "doctor.room-in-tmp.little": "{free:bytes} are free in {path}; compiled kernels and sockets go there.",
        "doctor.room-in-tmp.little.do": "Free disk space, or use another folder for temporary files.",
    }
)

VARIABLES = {"preprocessed": "nnUNet_preprocessed", "results": "nnUNet_results", "tmp": "TMPDIR"}
# Without a plan: four checkpoints of a large network, and the predictions of the final validation.
COMMON_ROOM = 10 * GIB
# A log, plots, four checkpoints, and a prediction a case.
INODES = 100
LOW_ROOM_TIMES = 2
TMP_ROOM = 1 * GIB


def folders_set(survey: Survey) -> Result:
    """Check that nnU-Net's three folder variables are set."""
    if survey.environment is None:
        return unknown("folders-set", "environment-unread")
    missing = [name for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results") if name not in survey.variables]
    if missing:
        setting = f"export {' '.join(f'{name}=/path/to/{name}' for name in missing)}"
        # A training does not read nnUNet_raw.
        state: State = "warn" if missing == ["nnUNet_raw"] or survey.asked.dataset is None else "no-go"
        return result(state, "folders-set", "missing", setting=setting, names=tuple(missing))
    return go("folders-set")


def folders_answer(survey: Survey) -> Result:
    """Check that every folder can be read, and that no mount hangs."""
    if not survey.folders:
        return unknown("folders-answer", "no-folder")
    for folder in survey.folders:
        if folder.trouble is not None:
            where = f"{folder.path} ({folder.fs_type} {folder.mount_point})" if folder.fs_type else folder.path
            return result("no-go", "folders-answer", "problem", path=where, why=folder.trouble)
        if folder.readable is False:
            return result("no-go", "folders-answer", "forbidden", path=folder.path, setting=f"ls -ld {folder.path}")
    return go("folders-answer", count=len(survey.folders))


def folders_writable(survey: Survey) -> Result:
    """Check that a small file could be written where the training writes."""
    wanted = [folder for folder in survey.folders if folder.label in ("results", "preprocessed", "tmp")]
    if not [folder for folder in wanted if folder.label == "results"]:
        return not_applicable("folders-writable", "no-results")
    refused = [folder for folder in wanted if folder.written is False]
    refused.sort(key=lambda folder: folder.label == "preprocessed")
    if refused:
        folder = refused[0]
        values = {"path": folder.path, "why": folder.write_error}
        # The training writes splits_final.json and unpacked files there, but only if they are missing.
        harmless = folder.label == "preprocessed" and survey.plan is not None and survey.plan.folds is not None
        state: State = "warn" if harmless else "no-go"
        setting = f"export {VARIABLES[folder.label]}=/path/to/a/writable/folder"
        return result(state, "folders-writable", "refused", setting=setting, **values)
    if any(folder.written is None for folder in wanted):
        return unknown("folders-writable", next(f.path for f in wanted if f.written is None))
    return go("folders-writable")


def room_for_results(survey: Survey) -> Result:
    """Check the free space and inodes for checkpoints."""
    folder = survey.folder("results")
    if folder is None:
        return not_applicable("room-for-results", "no-results")
    if folder.free_bytes is None:
        return unknown("room-for-results", folder.trouble)
    if folder.free_inodes is not None and folder.free_inodes < INODES:
        return result("no-go", "room-for-results", "inodes", path=folder.path, count=folder.free_inodes)
    checkpoint = checkpoint_bytes(survey)
    need = COPIES_OF_CHECKPOINT * checkpoint if checkpoint is not None else COMMON_ROOM
    values = {"need": need, "free": folder.free_bytes, "path": folder.path}
    if checkpoint is None:
        state: State = "warn" if folder.free_bytes < need else "go"
        return result(state, "room-for-results", "little" if state == "warn" else "no-plan", **values)
    if folder.free_bytes < need:
        return result("no-go", "room-for-results", "too-little", **values)
    if folder.free_bytes < LOW_ROOM_TIMES * need:
        return result("warn", "room-for-results", "close", **values)
    return go("room-for-results", **values)


def room_for_unpacking(survey: Survey) -> Result:
    """Check the free space for older preprocessed data (.npz), which is unpacked at the start."""
    files, folder = survey.files, survey.folder("preprocessed")
    if files is None:
        return not_applicable("room-for-unpacking", "no-data")
    if not files.needs_unpacking:
        return not_applicable("room-for-unpacking", "unpacked")
    if folder is None or folder.free_bytes is None:
        return unknown("room-for-unpacking", folder.trouble if folder else "not-looked-at")
    read = sum(1 for _ in files.export_needs)
    if not files.unpacked_bytes or not read:
        return unknown("room-for-unpacking", files.why_unread or "no-whole-file")
    need = files.unpacked_bytes * files.cases // max(1, files.segmentations_read)
    values = {"need": need, "free": folder.free_bytes, "path": folder.path}
    return (
        result("no-go", "room-for-unpacking", "too-little", **values)
        if need > folder.free_bytes
        else go("room-for-unpacking", **values)
    )


def room_in_tmp(survey: Survey) -> Result:
    """Check the free space for temporary files: compiled kernels, sockets between processes."""
    folder = survey.folder("tmp")
    if folder is None or folder.free_bytes is None:
        return unknown("room-in-tmp", folder.trouble if folder else "not-looked-at")
    values = {"free": folder.free_bytes, "path": folder.path}
    if folder.free_bytes < TMP_ROOM or (folder.free_inodes is not None and folder.free_inodes < INODES):
        return result("warn", "room-in-tmp", "little", setting="export TMPDIR=/path/with/room", **values)
    return go("room-in-tmp", **values)


CHECKS = (folders_set, folders_answer, folders_writable, room_for_results, room_for_unpacking, room_in_tmp)
