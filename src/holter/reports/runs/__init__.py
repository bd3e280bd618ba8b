"""Which runs there are: the registry and tapes as rows, one a training, the running ones first."""

from holter.reports.runs.rows import Row, row_of_tape, rows_of, take_one

__all__ = ["Row", "row_of_tape", "rows_of", "take_one"]
