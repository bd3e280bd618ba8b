"""A preprocessed image ends in the middle, as after a full disk or a copy that was cut short."""

from __future__ import annotations

from pathlib import Path

from holter.demo.faults.damaged import DamagedCase, replace


class TruncatedFile(DamagedCase):
    """A third of the file is left; the worker that meets it raises."""

    name = "truncated-file"
    summary = "one preprocessed image is cut short, as by a full disk or an interrupted copy"
    true_cause: str | None = "truncated-preprocessed-file"

    def damage(self, case: Path) -> None:
        """Cut it."""
        file = case.with_name(f"{case.name}.b2nd")
        content = file.read_bytes()
        replace(file, content[: len(content) // 3])
