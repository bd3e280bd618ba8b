"""Prints docs/diagnosis.schema.json: `make docs`."""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec

from holter.reports.json.json_records import Document


def page() -> str:
    """Return the whole file."""
    return json.dumps(schema(), indent=2) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the document."""
    (made,), definitions = msgspec.json.schema_components((Document,), ref_template="#/$defs/{name}")
    assert made == {"$ref": "#/$defs/Document"}
    document = definitions.pop("Document")
    for described in definitions.values():
        if "description" in described:  # before Python 3.13 a docstring keeps the indentation of its source
            described["description"] = inspect.cleandoc(described["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "Diagnosis of a training run by Holter",
        "description": f"{Document.__doc__} New keys may be added under schema 1; ignore keys that you do not know.",
        "$defs": definitions,
    }


if __name__ == "__main__":
    print(page(), end="")
