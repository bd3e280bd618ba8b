"""The events that the child reports to its parent: one JSON object a line, in a file of the scratch folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

FILE = "events.jsonl"


class Events:
    """Appends events to a file of the scratch folder; a reader never sees a part of a line."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def tell(self, kind: str, content: Any) -> None:
        """Append one event, as a JSON line that maps its kind to its content."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({kind: msgspec.to_builtins(content)}) + "\n")
