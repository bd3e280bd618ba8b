"""A preprocessed image is cut in the middle, as after a full disk or an interrupted copy."""

from __future__ import annotations

from pathlib import Path

from holter.demo.faults.damaged import DamagedCase, replace


class TruncatedFile(DamagedCase):
    """Keeps a third of the file; the worker that reads it raises."""

    name = "truncated-file"
    true_cause: str | None = "truncated-preprocessed-file"

    def damage(self, case: Path) -> None:
        """Truncate the image file."""
        file = case.with_name(f"{case.name}.b2nd")
        content = file.read_bytes()
        replace(file, content[: len(content) // 3])
