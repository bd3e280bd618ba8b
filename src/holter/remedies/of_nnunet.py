"""Remedies that apply only to nnU-Net: its settings, files and packages mean nothing to another program."""

from __future__ import annotations

import re

from holter.patterns import later

# Remedies about nnU-Net, its checkpoints, data or validation, or that work through the hook.
SENTENCES = frozenset({
    "check-labels", "checkpoint-versions", "compare-samples", "continue-from-before", "continue-from-checkpoint",
    "copy-to-local-disk", "correct-command", "data-workers-again", "end-and-continue", "end-finished",
    "fewer-configurations", "fewer-epochs", "fewer-exporters", "fewer-preprocessors", "fewer-unpackers",
    "file-system-sharing", "find-trainer", "gpu-augmentation", "holter-loader", "leave-windows-drive",
    "make-json-again", "make-room", "newer-batchgenerators", "one-name", "other-releases", "other-versions",
    "prepare-dataset", "preprocess-all-again", "preprocess-case-again", "preprocess-configuration",
    "results-elsewhere", "see-configurations", "see-datasets", "set-checkpoint-aside", "set-paths", "start-in-turn",
    "validate-again", "verify-dataset", "workers-not-forked",
})  # fmt: skip
_COMMAND = later(r"nnunet|batchgen|\{(?:preprocessed|results|continue|validate)\}", re.IGNORECASE)


def is_of_nnunet(command: str) -> bool:
    """Return whether a command, with its blanks not yet filled, applies only to nnU-Net's trainings."""
    return _COMMAND.search(command) is not None
