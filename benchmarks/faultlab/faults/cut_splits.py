"""The splits file is truncated, and no other process is writing it."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.faultlab.cut_json import CutJson
from holter.demo.prepare import CONFIGURATION

FOLDS = 5


class CutSplits(CutJson):
    """The main process cannot read it, and ends."""

    name = "cut-splits"
    summary = "splits_final.json ends in the middle, and nobody else is writing it"
    file = "splits_final.json"

    def complete(self, data: Path) -> None:
        """Write splits into the copy: the first training of a data set makes them, so they may be missing here."""
        cases = sorted(file.stem for file in (data / f"nnUNetPlans_{CONFIGURATION}").glob("*.pkl"))
        splits = [
            {"train": sorted(set(cases) - set(cases[fold::FOLDS])), "val": cases[fold::FOLDS]} for fold in range(FOLDS)
        ]
        (data / self.file).write_text(json.dumps(splits, indent=4))


SCENARIO = CutSplits
