"""A data worker reads a case that makes it raise."""

from __future__ import annotations

from pathlib import Path

from holter.demo.faults.damaged import DamagedCase, replace

EMPTY_PICKLE = b"\x80\x04}\x94."  # an empty dict: nnU-Net looks up class_locations and does not find it


class WorkerException(DamagedCase):
    """Removes from a case's properties what the loader looks up."""

    name = "worker-exception"
    true_cause: str | None = "worker-exception"

    def damage(self, case: Path) -> None:
        """Replace the properties by an empty dict."""
        replace(case.with_name(f"{case.name}.pkl"), EMPTY_PICKLE)
