"""Checks of the preprocessed cases."""

from __future__ import annotations

import re

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.checks.software import Version, version
from holter.doctor.records import Result, Survey
from holter.sentences import define, define_all, joined

define_all(
    {
        "doctor.preprocessed-files.title": "files readable",
        "doctor.number-of-cases.title": "number of cases",
        "doctor.label-values.title": "label values",
        "doctor.read-only-data.title": "read-only data",
        "doctor.preprocessed-files.go": "all {files} files read to their end",
        "doctor.preprocessed-files.in-part": (
            "{lengths} of {files} lengths are right; {whole} read to their end in the time"
        ),
        "doctor.preprocessed-files.bad": (
            "Damaged files ({count}): {shown}. The worker that draws such a case dies, sooner or later. ({lengths} of "
            "{files} lengths checked, {whole} read to their end.)"
        ),
        "doctor.preprocessed-files.bad.do": "Check whether the disk was full, remove them and preprocess again.",
        "doctor.preprocessed-files.missing": "Missing files ({count}): {shown}.",
        "doctor.preprocessed-files.missing.do": "Preprocess again: the earlier preprocessing was not completed.",
        "doctor.preprocessed-files.hangs": ("Reading {shown} hangs ({lengths} of {files} lengths were checked)."),
        "doctor.preprocessed-files.hangs.do": (
            "Check the storage. A worker that reads such a file hangs, and the training with it."
        ),
        "doctor.preprocessed-files.none": "No preprocessed case in {path}.",
        "doctor.preprocessed-files.none.do": "nnUNetv2_preprocess makes them for this configuration.",
        "doctor.preprocessed-files.not-all": "{lengths} of {files} files could be checked in time; these are right",
        "doctor.preprocessed-files.lengths-only": "the lengths of all {files} are right, contents were not read: {why}",
        "doctor.number-of-cases.go": "{cases}",
        "doctor.number-of-cases.fewer": "{cases} of {wanted} cases are preprocessed.",
        "doctor.number-of-cases.fewer.do": "Preprocess again; the splits name cases that would be missing.",
        "doctor.label-values.go": "as in dataset.json, in all {read} segmentations",
        "doctor.label-values.in-part": "{read} of {cases} segmentations could be read in time; these are right",
        "doctor.label-values.outside": (
            "Labels that dataset.json does not know: {shown} (allowed: {allowed}). CUDA would end with a device-side "
            "assert."
        ),
        "doctor.label-values.outside.do": "Correct the labels and preprocess again with --verify_dataset_integrity.",
        "doctor.read-only-data.no-archives": "the cases are not stored as .npz",
        "doctor.read-only-data.copied": "nnU-Net {version} copies what it reads",
        "doctor.read-only-data.padded": "no case is larger than the patch, so every patch is copied",
        "doctor.read-only-data.crashes": (
            "The cases are stored as .npz. nnU-Net {version} unpacks them and then writes into read-only memory: its "
            "data workers crash (SIGSEGV)."
        ),
        "doctor.read-only-data.crashes.do": (
            "Preprocess again with this nnU-Net, or train with `holter train`, which copies each patch first."
        ),
    }
)

BAD_FILE = define("doctor.preprocessed-files.one", "{file}: {problem}")

SHOWN = 3
# From this version of nnU-Net on, part of a case becomes a tensor without a copy (docs/upstream.md, section 23).
WRITES_TO_MAPS: Version = (2, 7)


def preprocessed_files(survey: Survey) -> Result:
    """Check for truncated, empty or unreadable files: a worker that draws such a case dies, at some epoch."""
    files = survey.files
    if files is None:
        return not_applicable("preprocessed-files", "no-data")
    values = {"lengths": files.lengths_checked, "whole": files.read_whole, "files": files.files}
    if files.bad:
        shown = joined(*(BAD_FILE(file=bad.file, problem=bad.trouble) for bad in files.bad[:SHOWN]))
        return result(
            "no-go", "preprocessed-files", "bad", setting=_again(survey), count=len(files.bad), shown=shown, **values
        )
    if files.missing:
        names = files.missing[:SHOWN]
        count = len(files.missing)
        return result(
            "no-go", "preprocessed-files", "missing", setting=_again(survey), count=count, shown=names, **values
        )
    if files.what_hangs:
        return result("no-go", "preprocessed-files", "hangs", shown=files.what_hangs, **values)
    if not files.cases:
        return result("no-go", "preprocessed-files", "none", setting=_again(survey), path=files.folder)
    if files.lengths_checked < files.files:
        return result("unknown", "preprocessed-files", "not-all", **values)
    if files.unread:
        return result("unknown", "preprocessed-files", "lengths-only", why=files.why_unread, **values)
    return go("preprocessed-files", "go" if files.read_whole >= files.files else "in-part", **values)


def number_of_cases(survey: Survey) -> Result:
    """Check that as many cases are preprocessed as the data set has."""
    files, plan = survey.files, survey.plan
    if files is None or plan is None:
        return not_applicable("number-of-cases", "no-data")
    if plan.cases is None:
        return unknown("number-of-cases", "no-count")
    if files.cases and files.cases < plan.cases:
        setting = _again(survey)
        return result("warn", "number-of-cases", "fewer", setting=setting, cases=files.cases, wanted=plan.cases)
    return go("number-of-cases", cases=files.cases)


def label_values(survey: Survey) -> Result:
    """Check the label values: a label without a network output ends the training in a CUDA assertion."""
    files, plan = survey.files, survey.plan
    if files is None or plan is None:
        return not_applicable("label-values", "no-data")
    values = {"read": files.segmentations_read, "cases": files.cases}
    if not plan.labels:
        return unknown("label-values", "no-labels")
    if files.labels_bad:
        shown = joined(*(BAD_FILE(file=bad.file, problem=bad.trouble) for bad in files.labels_bad[:SHOWN]))
        return result("no-go", "label-values", "outside", shown=shown, allowed=plan.labels, **values)
    if not files.segmentations_read:
        return unknown("label-values", files.why_unread or "no-segmentation")
    if files.segmentations_read < files.cases:
        return result("unknown", "label-values", "in-part", **values)
    return go("label-values", **values)


def read_only_data(survey: Survey) -> Result:
    """Check for .npz cases with nnU-Net 2.7 or later: its workers write into their read-only memory maps (SIGSEGV)."""
    files = survey.files
    if files is None:
        return not_applicable("read-only-data", "no-data")
    if not files.archives:
        return not_applicable("read-only-data", "no-archives")
    text = survey.packages.get("nnunetv2")
    now = version(text)
    if now is None:
        return unknown("read-only-data", survey.software.why_unread or "no-package")
    if now < WRITES_TO_MAPS:
        return go("read-only-data", "copied", version=text)
    if files.holds_patch is False:  # a padded part is a copy
        return go("read-only-data", "padded")
    return result("no-go", "read-only-data", "crashes", setting=_again(survey), version=text)


def _again(survey: Survey) -> str:
    """Return the command that preprocesses this configuration again; it begins with an empty folder."""
    asked = survey.asked
    number = re.sub(r"^Dataset0*(\d+)_.*", r"\1", asked.dataset or "?")  # the command accepts only the number
    return f"nnUNetv2_preprocess -d {number} -plans_name {asked.plans} -c {asked.configuration}"


CHECKS = (preprocessed_files, number_of_cases, label_values, read_only_data)
