"""JSON of records whose strings may hold bytes that are no UTF-8: arguments, paths and variables may hold any.

Python keeps such a byte as a lone surrogate, which JSON cannot carry. It is written as people know it from a shell:
``\\xff``.
"""

from __future__ import annotations

from typing import Any

import msgspec


def encode(data: Any) -> bytes:
    """Any record or plain data as JSON."""
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        return msgspec.json.encode(_plain(msgspec.to_builtins(data)))


def plain_text(text: str) -> str:
    """The text, with bytes that are no UTF-8 written out."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:  # a surrogate that stands for no byte
            return text.encode("utf-8", "backslashreplace").decode()
    return text


def _plain(data: Any) -> Any:
    if isinstance(data, str):
        return plain_text(data)
    if isinstance(data, dict):
        return {_plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    return data
