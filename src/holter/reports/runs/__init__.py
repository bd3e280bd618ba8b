"""List the runs of the registry and of tapes as rows: one row per training, the running ones first."""

from holter.reports.runs.rows import Row, row_of_tape, rows_of, take_one

__all__ = ["Row", "row_of_tape", "rows_of", "take_one"]
