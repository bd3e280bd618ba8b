"""A preprocessed case is deleted while it is trained on."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faultlab.damaged import DamagedCase


class DeletedCase(DamagedCase):
    """As by a clean-up script."""

    name = "deleted-case"
    summary = "the files of one case are deleted"
    cause = "worker-exception"

    def damage(self, case: Path) -> None:
        """Delete all its files."""
        for file in case.parent.glob(f"{case.name}[._]*"):
            file.unlink()


SCENARIO = DeletedCase
