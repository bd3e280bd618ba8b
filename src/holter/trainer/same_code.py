"""Whether the installed nnU-Net makes batches as the one that Holter's loader was compared with: by its code.

A version number proves nothing: releases share this code, and a user's copy of one may have changed it. So the source
of what Holter's loader replaces is compared, without comments and blank lines. Transforms are proved elsewhere.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import inspect
import textwrap
from typing import Any

from holter.errors import UntestedVersion
from holter.sentences import define

COMPARED = "2.8.1"
OTHER_CODE = define(
    "error.other-code",
    "nnunetv2 {installed} is installed, and its {part} is not that of {compared}, "
    "with which Holter's loader was compared",
)

LOADER, DATASETS, TRAINER = (
    "nnunetv2.training.dataloading.data_loader",
    "nnunetv2.training.dataloading.nnunet_dataset",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer",
)
# Module, class and method -> fingerprints of its code: of 2.8.1 (and 2.7.0, if it is the same) first.
KNOWN: dict[tuple[str, str], tuple[str, ...]] = {
    (LOADER, "nnUNetDataLoader.__init__"): ("b6fc10240b03",),
    (LOADER, "nnUNetDataLoader._oversample_last_XX_percent"): ("a3fc219080d2",),
    (LOADER, "nnUNetDataLoader._probabilistic_oversampling"): ("ba3a7503e984",),
    (LOADER, "nnUNetDataLoader.get_bbox"): ("53a8b12dcda2",),
    (LOADER, "nnUNetDataLoader.generate_train_batch"): ("59a67401a54c",),
    # 2.6.3 to 2.7.0 decide in each call, and not once, whether files are mapped.
    (DATASETS, "nnUNetDatasetBlosc2.load_case"): ("5558ef62c7a1", "bab49d0f0981"),
    (DATASETS, "nnUNetDatasetNumpy.load_case"): ("2f92665087e3",),
    (TRAINER, "nnUNetTrainer.train_step"): ("e5ba754489b9",),
    (TRAINER, "nnUNetTrainer.on_train_epoch_end"): ("e11100627f16",),
}
DIGITS = 12


def check_code() -> None:
    """Raise UntestedVersion if a part of the installed nnU-Net is not one that Holter's loader was compared with."""
    for (module, path), known in KNOWN.items():
        if _installed(module, path) not in known:
            version = importlib.metadata.version("nnunetv2")
            raise UntestedVersion(OTHER_CODE(installed=version, part=path, compared=COMPARED))


def fingerprint(source: str) -> str:
    """Return a short hash of a function's source; comments, blank lines and the depth of the whole do not count."""
    lines = (line.partition("#")[0].rstrip() for line in textwrap.dedent(source).splitlines())
    return hashlib.sha256("\n".join(line for line in lines if line).encode()).hexdigest()[:DIGITS]


def _installed(module: str, path: str) -> str | None:
    # None if there is no such function, or no source of it.
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
        return fingerprint(inspect.getsource(inspect.unwrap(found)))
    except (ImportError, AttributeError, OSError, TypeError):
        return None
