"""The plans file is truncated."""

from __future__ import annotations

from benchmarks.faultlab.cut_json import CutJson


class CutPlans(CutJson):
    """The main process cannot read it, and ends."""

    name = "cut-plans"
    summary = "the plans of the data set ends in the middle"
    file = "nnUNetPlans.json"


SCENARIO = CutPlans
