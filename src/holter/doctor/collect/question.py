"""Find the training that the user names: data set, plan and fold, from nnU-Net's folders.

``python -m holter.doctor.collect.question`` prints one JSON object. It runs as a process of its own because any of
these folders may be on a mount that hangs.
"""

from __future__ import annotations

import difflib
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from holter.doctor.collect.plan import plan_of
from holter.doctor.records import Asked, Fold, Plan
from holter.doctor.sentences import FILE_ERROR
from holter.errors import BadInput, HolterError
from holter.records import Text
from holter.sentences import NOTHING_STARTED_OR_CHANGED, define
from holter.supervisor.folds.fold_lock import read_lock
from holter.texts.training_command import SEVERAL_DATASETS, TrainingCommand

VARIABLES_NOT_SET = define("error.variables-not-set", "{names} not set: nnU-Net would not find its data.")
VARIABLE_UNREADABLE = define("error.variable-unreadable", "{name}={folder} cannot be read: {error}.")
NOT_PREPROCESSED = define("error.not-preprocessed", "{dataset} is in nnUNet_raw, but has not been preprocessed.")
NO_DATASET_IN = define("error.no-dataset-in", "No data set {dataset} in {folder}.")
IS_IT_MEANT = define("next.is-it-meant", "Is {name} meant? {command}")
NO_PLANS = define("error.no-plans", "No plans {plans} in {folder}.")
PLANS_UNREADABLE = define("error.plans-unreadable", "The plans {path} cannot be read: {error}.")
PLANS_AGAIN = define("next.plans-again", "nnUNetv2_plan_experiment writes them again.")
PLANS_AGAIN_DISK = define(
    "next.plans-again-disk", "nnUNetv2_plan_experiment writes them again; first check whether the disk is full."
)
HOLDS_NO_PLANS = define("error.holds-no-plans", "{path} holds no plans.")
NO_CONFIGURATION = define(
    "error.no-configuration", "The plans {plans} have no configuration {configuration}: {configurations}."
)
CONFIGURATION_LACKS = define("error.configuration-lacks", "The configuration {configuration} of {plans} lacks {names}.")
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
MAX_INHERITANCE = 10
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth", "checkpoint_latest.pth")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the doctor is asked about: a training with its plan, or the error of a training that does not exist."""

    asked: Asked
    preprocessed: str | None = None  # the folder of this configuration's cases
    results: str | None = None
    plan: Plan | None = None
    fold: Fold | None = None
    error: tuple[Text, Text, Text] | None = None  # what, safe, next step


class Found(NamedTuple):
    """A data set, its plans and a configuration that exist in nnUNet_preprocessed; ``find`` returns it."""

    name: str  # of the data set
    folder: Path  # of the data set, in nnUNet_preprocessed
    plans: Mapping[str, Any]
    configuration: Mapping[str, Any]  # what it inherits is merged in; empty if none was asked for

    @property
    def preprocessed(self) -> Path | None:
        """Folder of the configuration's cases."""
        return self.folder / str(self.configuration["data_identifier"]) if self.configuration else None


def find(dataset: str, asked: Asked, environ: Mapping[str, str]) -> Found:
    """Return the data set, its plans and the configuration of this name. Reads the plans and nothing else.

    Raises:  BadInput for a name that does not exist, with the nearest one.
    """
    missing = [name for name in FOLDERS[1:] if not environ.get(name)]
    if missing:
        raise _refused(
            VARIABLES_NOT_SET(names=tuple(missing)), "\n".join(f"export {name}=/path/to/{name}" for name in missing)
        )
    root = Path(environ["nnUNet_preprocessed"])
    name = _dataset(dataset, root, environ, rest=(asked.configuration, asked.fold))
    plans = _plans(root / name, asked)
    return Found(name, root / name, plans, _configuration(plans, asked))


def collect(asked: Asked, environ: Mapping[str, str]) -> Question:
    """Return everything about the training from its files.

    Raises:  BadInput for a name that does not exist, with the nearest one.
    """
    if asked.dataset is None:
        return Question(asked=asked)
    found = find(asked.dataset, asked, environ)
    name, configuration = found.name, found.configuration
    training = TrainingCommand(
        dataset=name,
        configuration=asked.configuration or "",
        fold=asked.fold,
        trainer=asked.trainer,
        plans=asked.plans,
    )
    fold_folder = training.fold_folder(environ)
    return Question(
        asked=msgspec.structs.replace(asked, dataset=name),
        preprocessed=None if found.preprocessed is None else str(found.preprocessed),
        results=environ["nnUNet_results"],
        plan=plan_of(found.plans, configuration, found.folder) if configuration else None,
        fold=read_fold(fold_folder) if fold_folder is not None and asked.configuration else None,
    )


def read_fold(folder: Path) -> Fold:
    """Return the checkpoints and the lock of a fold. Its checkpoint size is the largest of all folds of the model."""
    sizes = []
    with_it = [folder, *sorted(folder.parent.glob("fold_*"))] if folder.parent.is_dir() else []
    for place in with_it:
        sizes += [(place / name).stat().st_size for name in CHECKPOINTS if (place / name).is_file()]
    lock, holder = read_lock(folder)
    return Fold(
        folder=str(folder),
        checkpoints=tuple(name for name in CHECKPOINTS if (folder / name).is_file()),
        checkpoint_bytes=max(sizes, default=None),
        lock=lock,
        lock_holder=holder,
    )


def _dataset(asked: str, root: Path, environ: Mapping[str, str], rest: Sequence[str | None]) -> str:
    try:
        names = sorted(entry.name for entry in root.iterdir() if entry.name.startswith("Dataset"))
    except OSError as error:
        raise _refused(
            VARIABLE_UNREADABLE(name="nnUNet_preprocessed", folder=str(root), error=error.strerror or str(error)),
            f"ls -ld {shlex.quote(str(root))}",
        ) from error
    matching = [name for name in names if asked.isdecimal() and name.startswith(f"Dataset{int(asked):03d}_")]
    if asked in names or len(matching) == 1:
        return asked if asked in names else matching[0]
    if len(matching) > 1:
        raise _refused(
            SEVERAL_DATASETS(number=asked, names=tuple(matching)),
            shlex.join(["holter", "doctor", matching[0], *filter(None, rest)]),
        )
    raw = _raw_only(asked, environ)
    if raw is not None:
        raise _refused(
            NOT_PREPROCESSED(dataset=raw),
            f"nnUNetv2_plan_and_preprocess -d {int(raw[7:10])} --verify_dataset_integrity",
        )
    raise _refused(NO_DATASET_IN(dataset=asked, folder=str(root)), _nearest_dataset(asked, names, root))


def _raw_only(asked: str, environ: Mapping[str, str]) -> str | None:
    try:
        names = [entry.name for entry in Path(environ["nnUNet_raw"]).iterdir()]
    except (KeyError, OSError):
        return None
    matching = [
        name for name in names if name == asked or (asked.isdecimal() and name.startswith(f"Dataset{int(asked):03d}_"))
    ]
    return matching[0] if len(matching) == 1 and matching[0][7:10].isdecimal() else None


def _nearest_dataset(asked: str, names: Sequence[str], root: Path) -> Text:
    wanted = f"Dataset{int(asked):03d}" if asked.isdecimal() else asked
    near = difflib.get_close_matches(wanted, names, 1, 0.4) or difflib.get_close_matches(
        wanted, [name.partition("_")[2] for name in names], 1, 0.5
    )
    for name in names:
        if near and (name == near[0] or name.partition("_")[2] == near[0]):
            return IS_IT_MEANT(name=name, command=f"holter doctor {shlex.quote(name)}")
    return f"ls {shlex.quote(str(root))}"


def _plans(folder: Path, asked: Asked) -> Mapping[str, Any]:
    file = folder / f"{asked.plans}.json"
    try:
        plans = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError as error:
        others = sorted(other.stem for other in folder.glob("*lans*.json"))
        near = difflib.get_close_matches(asked.plans, others, 1, 0.3) or others[:1]
        step = (
            shlex.join(("holter", "doctor", str(asked.dataset), "-p", near[0]))
            if near
            else shlex.join(("nnUNetv2_plan_and_preprocess", "-d", folder.name))
        )
        raise _refused(NO_PLANS(plans=asked.plans, folder=str(folder)), step) from error
    except (OSError, msgspec.DecodeError) as error:
        raise _refused(
            PLANS_UNREADABLE(path=str(file), error=getattr(error, "strerror", None) or str(error)), PLANS_AGAIN_DISK()
        ) from error
    if not isinstance(plans, dict) or not isinstance(plans.get("configurations"), dict):
        raise _refused(HOLDS_NO_PLANS(path=str(file)), PLANS_AGAIN())
    return plans


def _configuration(plans: Mapping[str, Any], asked: Asked) -> Mapping[str, Any]:
    configurations = plans["configurations"]
    if asked.configuration is None:
        return {}
    if asked.configuration not in configurations:
        near = difflib.get_close_matches(asked.configuration, configurations, 1, 0.3) or sorted(configurations)[:1]
        raise _refused(
            NO_CONFIGURATION(
                plans=asked.plans, configuration=asked.configuration, configurations=tuple(configurations)
            ),
            shlex.join(("holter", "doctor", str(asked.dataset), near[0])) if near else "nnUNetv2_plan_experiment",
        )
    merged: dict[str, Any] = {}
    wanted: Any = asked.configuration
    for _ in range(MAX_INHERITANCE):
        part = configurations.get(wanted)
        if not isinstance(part, dict):
            break
        merged = {**part, **merged}
        wanted = part.get("inherits_from")
    lacking = {"patch_size", "batch_size", "data_identifier", "spacing"} - merged.keys()
    if lacking:
        raise _refused(
            CONFIGURATION_LACKS(configuration=asked.configuration, plans=asked.plans, names=tuple(sorted(lacking))),
            PLANS_AGAIN(),
        )
    return merged


def _refused(what: Text, next_step: Text) -> BadInput:
    return BadInput(what, safe=NOTHING_STARTED_OR_CHANGED(), next_step=next_step)


def main() -> None:
    """Read the question from the first argument, as JSON; print the answer."""
    print(flush=True)  # it has begun; from here on any call may hang
    asked = msgspec.convert(json.loads(sys.argv[1]), type=Asked)
    try:
        answer = collect(asked, os.environ)
    except HolterError as error:
        answer = Question(asked=asked, error=(error.what, error.safe, error.next_step))
    except OSError as error:
        what = FILE_ERROR(path=str(error.filename), error=error.strerror or str(error))
        answer = Question(asked=asked, error=(what, NOTHING_STARTED_OR_CHANGED(), f"ls -ld {error.filename}"))
    sys.stdout.write(json.dumps(msgspec.to_builtins(answer)))


if __name__ == "__main__":
    main()
