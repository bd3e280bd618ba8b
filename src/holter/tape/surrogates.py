"""JSON of records with strings that are not valid UTF-8: arguments, paths and variables may contain any byte.

Python keeps such a byte as a lone surrogate, which JSON cannot encode. It is written as in a shell: ``\\xff``.
"""

from __future__ import annotations

from typing import Any

import msgspec


def encode(data: Any) -> bytes:
    """Encode a record or plain data as JSON."""
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        return msgspec.json.encode(_plain(msgspec.to_builtins(data)))


def plain_text(text: str) -> str:
    """Return the text; a byte in it that is not UTF-8 is written as an escape, such as ``\\xff``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:  # a surrogate that represents no byte
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
