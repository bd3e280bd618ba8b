"""The properties of a case are not what the loader expects."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faultlab.damaged import DamagedCase, replace

EMPTY_PICKLE = b"\x80\x04}\x94."  # an empty dict: where nnU-Net looks for class_locations there are none


class CorruptedFile(DamagedCase):
    """A worker meets the case and raises KeyError."""

    name = "corrupted-file"
    summary = "the properties of one case are empty"
    cause = "worker-exception"

    def damage(self, case: Path) -> None:
        """Empty them."""
        replace(case.with_name(f"{case.name}.pkl"), EMPTY_PICKLE)


SCENARIO = CorruptedFile
