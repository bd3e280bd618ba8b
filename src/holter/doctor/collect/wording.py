"""Keep a text of a survey twice: in English for readers of the JSON, and as a sentence for any language."""

from __future__ import annotations

from holter.probes.training.remarks import worded
from holter.records import Message, Text
from holter.reports.catalogue import phrase


def both(name: str, text: object) -> dict[str, Text | None]:
    """Return the fields ``NAME`` and ``NAME_message`` for a text, or for a remark of a child; empty text is None."""
    words = worded(text) if isinstance(text, dict) else text
    message = words if isinstance(words, Message) else None
    plain = phrase(message, "en") if message is not None else words
    return {name: plain if isinstance(plain, str) and plain else None, f"{name}_message": message}
