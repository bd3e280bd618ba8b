"""Plain data -> YAML: JSON strings and numbers are YAML, so only the layout is ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def yaml_text(data: dict[str, Any]) -> str:
    """Return a YAML document of mappings, lists of mappings, strings and numbers."""
    return "\n".join(_mapping(data, "")) + "\n"


def _mapping(data: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _mapping(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{key}:"
            for item in value:
                first, *rest = _mapping(item, indent + "    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}"
