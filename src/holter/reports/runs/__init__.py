"""List the runs of the registry and of tapes as rows: one row per training, the running ones first."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holter.reports.runs.rows import Row, row_of_tape, rows_of, take_one

__all__ = ["Row", "row_of_tape", "rows_of", "take_one"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: rows need all causes; whether a recorder lives needs none.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.rows"), name)
