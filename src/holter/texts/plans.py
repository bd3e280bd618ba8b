"""The plans of a training: patch size, batch size, spacing, from nnU-Net's plans file. Reads JSON, runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from holter.texts.training_command import TrainingCommand

# Fields of one configuration: name in the file -> name on the tape.
_FIELDS = {
    "patch_size": "patch_size",
    "batch_size": "batch_size",
    "spacing": "spacing",
    "data_identifier": "data_identifier",
    "median_image_size_in_voxels": "median_image_size",
    "batch_dice": "batch_dice",
}
# A configuration may inherit from another, which may inherit again; more levels mean a cycle.
_MAX_INHERITANCE = 10


def describe_plans(training: TrainingCommand, environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return data set, configuration, fold, trainer, plans, and the fields of the plans file if it is found."""
    dataset = training.dataset_name(environ)
    described = {
        "dataset": dataset or training.dataset,
        "configuration": training.configuration,
        "fold": training.fold,
        "trainer": training.trainer,
        "plans": training.plans,
    }
    if training.validation_only:
        described["validation_only"] = "true"
    if training.continued:
        described["continued"] = "true"
    for file in _plans_files(training, environ, dataset):
        plans = read_json(file)
        if plans:
            described.update(of_configuration(plans, training.configuration))
            break
    return tuple(described.items())


def _plans_files(training: TrainingCommand, environ: Mapping[str, str], dataset: str | None) -> list[Path]:
    # The file that the training reads, then the copy in its results folder.
    files: list[Path] = []
    if dataset and environ.get("nnUNet_preprocessed"):
        files.append(Path(environ["nnUNet_preprocessed"]) / dataset / f"{training.plans}.json")
    model = training.model_folder(environ)
    if model is not None:
        files.append(model / "plans.json")
    return files


def of_configuration(plans: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return the fields of one configuration, including inherited ones; empty if the file does not have it."""
    merged = with_inherited(plans, name)
    return {shown: _shown(merged[key]) for key, shown in _FIELDS.items() if key in merged}


def with_inherited(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return one configuration, with what it inherits merged in; empty if the file does not have it."""
    configurations = plans.get("configurations")
    if not isinstance(configurations, dict):
        return {}
    merged: dict[str, Any] = {}
    wanted: Any = name
    for _ in range(_MAX_INHERITANCE):
        configuration = configurations.get(wanted) if isinstance(wanted, str) else None
        if not isinstance(configuration, dict):
            break
        merged = {**configuration, **merged}
        wanted = configuration.get("inherits_from")
    return merged


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " x ".join(f"{item:g}" if isinstance(item, (int, float)) else str(item) for item in value)
    return str(value)


def read_json(file: Path) -> Mapping[str, Any]:
    """Return the object in a file; empty if there is none or it cannot be read."""
    try:
        content = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return content if isinstance(content, dict) else {}
