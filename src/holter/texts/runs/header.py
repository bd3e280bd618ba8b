"""Plan, versions and machine, from the header of a training log and the files beside it."""

from __future__ import annotations

import re
from pathlib import Path

from holter.patterns import later
from holter.texts.plans import of_configuration, read_json

# The header with its plans comes before the first epoch; a log may hold millions of lines after it.
HEADER_LINES = 3000
_SIGNS = ("onfiguration name", "_size'", "dataset_name", "Desired fold", "running the following", "trainer class")
_READINGS = (
    ("configuration", later(r"^(?:Configuration name:|I am running the following nnUNet:) (\S+)")),
    ("fold", later(r"Desired fold for training: (\w+)")),
    ("trainer", later(r"My trainer class is: +<class '[\w.]*?(\w+)'>")),
    ("dataset", later(r"'dataset_name': '([^']+)'")),
    ("batch_size", later(r"'batch_size': (\d+)")),
    ("patch_size", later(r"'patch_size': (?:array\()?[\[(]([\d, ]+)[\])]")),
)


def read_header(line: str, found: dict[str, str]) -> None:
    """Add the values that a log's header line names to ``found``; a value that is there already stays."""
    if not any(sign in line for sign in _SIGNS):
        return
    for name, pattern in _READINGS:
        if name not in found and (match := pattern.search(line)):
            value = match[1].strip()
            found[name] = " x ".join(re.findall(r"\d+", value)) if name == "patch_size" else value


def beside(folder: Path) -> tuple[dict[str, str], dict[str, str], str | None]:
    """Return (plans, versions, host name) from the files that nnU-Net leaves in a fold's folder and its parent."""
    debug = read_json(folder / "debug.json")
    plans: dict[str, str] = {}
    name = debug.get("configuration_name")
    if isinstance(name, str):
        plans["configuration"] = name
    elif "__" in folder.parent.name:  # nnUNetTrainer__nnUNetPlans__3d_fullres
        plans["configuration"] = folder.parent.name.rpartition("__")[2]
    file = read_json(folder.parent / "plans.json")
    if file and "configuration" in plans:
        plans.update(of_configuration(file, plans["configuration"]))
    if isinstance(file.get("dataset_name"), str):
        plans["dataset"] = str(file["dataset_name"])
    if folder.name.startswith("fold_"):
        plans["fold"] = folder.name.removeprefix("fold_")
    versions = {
        kind: str(debug[key])
        for kind, key in (("torch", "torch_version"), ("cudnn", "cudnn_version"))
        if str(debug.get(key) or "None") != "None"
    }
    if "+cu" in versions.get("torch", ""):
        digits = versions["torch"].rpartition("+cu")[2]
        versions["cuda"] = f"{digits[:-1]}.{digits[-1]}"
    host = debug.get("hostname")
    return plans, versions, host if isinstance(host, str) else None
