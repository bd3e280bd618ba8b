"""Compare several runs: how fast each trains, what it waits for, and how machine and settings differ."""

from holter.reports.compare.differences import Comparison, compare
from holter.reports.compare.measures import Measures, measure

__all__ = ["Comparison", "Measures", "compare", "measure"]
