"""A data worker meets a case that makes it raise."""

from __future__ import annotations

from pathlib import Path

from holter.demo.faults.damaged import DamagedCase, replace

EMPTY_PICKLE = b"\x80\x04}\x94."  # an empty dict: where nnU-Net looks for class_locations there are none


class WorkerException(DamagedCase):
    """The properties of a case lack what the loader looks up."""

    name = "worker-exception"
    summary = "a data worker meets a case that makes it raise KeyError"
    true_cause: str | None = "worker-exception"

    def damage(self, case: Path) -> None:
        """Empty them."""
        replace(case.with_name(f"{case.name}.pkl"), EMPTY_PICKLE)
