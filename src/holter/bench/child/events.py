"""The events that the child reports to its parent: one JSON object a line, in a file of the scratch folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from holter.bench.records import EVENTS
from holter.records import Message, Text, Value

MOST_CHARS = 300  # of a quotation: an error of PyTorch may have pages


class Events:
    """Appends events to a file of the scratch folder; a reader never sees a part of a line."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / EVENTS

    def tell(self, kind: str, content: Any) -> None:
        """Append one event, as a JSON line that maps its kind to its content."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({kind: msgspec.to_builtins(content)}) + "\n")


def shortened(said: Text) -> Text:
    """Return a text with each of its quotations cut to MOST_CHARS characters."""
    if isinstance(said, str):
        return said[:MOST_CHARS]
    return msgspec.structs.replace(said, values=tuple((name, _shortened(value)) for name, value in said.values))


def _shortened(value: Value) -> Value:
    return shortened(value) if isinstance(value, (str, Message)) else value
