"""A preprocessed case is deleted while the training uses it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import FromDemo
from holter.demo.faults.damaged import DamagedCase


class Deleted(DamagedCase):
    """All files of the case are gone."""

    def damage(self, case: Path) -> None:
        """Delete the files."""
        for file in case.parent.glob(f"{case.name}[._]*"):
            file.unlink()


class CaseDeleted(Fault, FromDemo):
    """As by a clean-up script; the worker that needs the case raises."""

    name = "deleted-case"
    summary = "the files of one case are deleted"
    cause = "worker-exception"
    acts = True

    def __init__(self) -> None:
        super().__init__(Deleted())


SCENARIO = CaseDeleted
