"""dataset.json is truncated."""

from __future__ import annotations

from benchmarks.faultlab.cut_json import CutJson


class CutDatasetJson(CutJson):
    """The main process cannot read it, and ends."""

    name = "cut-dataset-json"
    summary = "dataset.json ends in the middle"
    file = "dataset.json"


SCENARIO = CutDatasetJson
