"""What the supervisor asks of the hook: one small file, replaced as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from holter.hook.control import FILE


class Control:
    """Requests to the training of one scratch folder, numbered over all its generations."""

    def __init__(self, scratch: Path) -> None:
        self._path = scratch / FILE
        self._number = 0

    def ask(self, what: str, text: str, generation: int) -> bool:
        """Ask for ``replace-workers``, ``checkpoint`` or ``stop``; False where the file cannot be written."""
        self._number += 1
        request = {"number": self._number, "generation": generation, "what": what, "text": text}
        new = self._path.with_suffix(".new")
        try:
            new.write_text(json.dumps(request), encoding="utf-8")
            new.replace(self._path)
        except OSError:
            return False
        return True
