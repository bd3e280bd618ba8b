"""Prints docs/diagnosis.schema.json: `make docs`."""

from __future__ import annotations

import json

from holter.reports.json_records import json_schema


def page() -> str:
    """Return the whole file."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(page(), end="")
