"""nnU-Net's commands that do not train: what a command line does, and how its work is taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

Work = Literal["prediction", "preprocessing", "evaluation"]

# Entry points of nnunetv2 2.1 to 2.8, and of its repository in July 2026; v1 and its copy MedNeXt have the same names
# with another beginning.
_COMMANDS: dict[str, Work] = {
    "predict": "prediction",
    "predict_from_modelfolder": "prediction",
    "plan_and_preprocess": "preprocessing",
    "preprocess": "preprocessing",
    "preprocess_like_nnssl": "preprocessing",
    "plan_like_dynamic": "preprocessing",
    "extract_fingerprint": "preprocessing",
    "plan_experiment": "preprocessing",
    "find_best_configuration": "evaluation",
    "determine_postprocessing": "evaluation",
    "apply_postprocessing": "evaluation",
    "ensemble": "evaluation",
    "accumulate_crossval_results": "evaluation",
    "evaluate_folder": "evaluation",
    "evaluate_simple": "evaluation",
}
_BEGINNINGS = ("nnUNetv2_", "nnUNet_", "mednextv1_")
# It keeps the cases whose files are there.
CONTINUE_PREDICTION = "--continue_prediction"


def other_work(cmdline: Sequence[str]) -> Work | None:
    """Return what a command of nnU-Net does if it is not a training; None for a training and for other programs."""
    for word in cmdline:
        name = PurePath(word).name.removesuffix(".exe")
        for beginning in _BEGINNINGS:
            if name.startswith(beginning):
                return _COMMANDS.get(name.removeprefix(beginning))
    return None


def again_command(cmdline: Sequence[str]) -> tuple[str, ...]:
    """Return the command that does the work again; a prediction keeps the cases that are done."""
    words = tuple(cmdline)
    is_prediction = other_work(words) == "prediction" and any("nnUNetv2_" in word for word in words)
    return (*words, CONTINUE_PREDICTION) if is_prediction and CONTINUE_PREDICTION not in words else words
