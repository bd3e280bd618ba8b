"""Find the class of a trainer without importing all others."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any, cast

from holter.trainer.folder import EXTERNAL

STOCK_TRAINER = "nnUNetTrainer"
USERS_TRAINERS = "nnUNet_extTrainer"  # a list of folders, as in nnU-Net
STOCK_PACKAGE = "nnunetv2.training.nnUNetTrainer"


def find_trainer(name: str) -> type[Any] | None:
    """Return the trainer class; only the module that defines it is imported.

    nnU-Net's own search imports every trainer variant on its way, and fails if a dependency of one of them, such as
    torchvision, is missing. So it is called here only if the class was not found. It raises an error for an unknown
    name; before 2.8 it returns None, and nnU-Net raises the error later.
    """
    if name == STOCK_TRAINER:
        return _class_of(f"{STOCK_PACKAGE}.nnUNetTrainer", name)
    for root in importlib.import_module(STOCK_PACKAGE).__path__:
        module = _module_with(name, Path(root))
        if module is not None:
            return _class_of(f"{STOCK_PACKAGE}.{module}", name)
    folders = [*filter(str.strip, os.environ.get(USERS_TRAINERS, "").split(os.pathsep)), str(EXTERNAL)]
    for folder in folders:
        module = _module_with(name, Path(folder))
        if module is not None:
            sys.path.insert(0, folder)
            return _class_of(module, name)
    return _found_by_nnunet(name)


def _found_by_nnunet(name: str) -> type[Any] | None:
    try:
        find = importlib.import_module("nnunetv2.utilities.find_objects").recursive_find_trainer_class_by_name
    except ModuleNotFoundError:  # before 2.8
        find = importlib.import_module("nnunetv2.utilities.find_class_by_name").recursive_find_python_class
        folder = importlib.import_module(STOCK_PACKAGE).__path__[0]
        return cast("type[Any] | None", find(folder, name, STOCK_PACKAGE))
    return cast("type[Any]", find(name))


def _module_with(name: str, root: Path) -> str | None:
    # The dotted name, below ``root``, of the file that defines the class.
    definition = re.compile(rf"^class {re.escape(name)}\b", re.MULTILINE)
    for file in sorted(root.rglob("*.py")):
        if definition.search(file.read_text(encoding="utf-8", errors="replace")):
            return ".".join(file.relative_to(root).with_suffix("").parts)
    return None


def _class_of(module: str, name: str) -> type[Any]:
    trainer_class: type[Any] = getattr(importlib.import_module(module), name)
    return trainer_class
