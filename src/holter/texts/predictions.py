"""Read the console of ``nnUNetv2_predict``: how many cases were asked for, and how many are done."""

from __future__ import annotations

from collections.abc import Iterable

from holter.patterns import later

# nnunetv2/inference/predict_from_raw_data.py
_ASKED = later(r"There are (\d+) cases that I would like to predict")
_IN_FOLDER = later(r"There are (\d+) cases in the source folder")
_DONE = later(r"done with \S|Done with image of shape ")
_BEGUN = later(r"Predicting (?:\S+|image of shape .+):$|perform_everything_on_device: (?:True|False)$")
_WAITS = "GPU prediction completed. Waiting for remaining segmentation exports"
_EXPORTED = "Segmentation export complete."


class PredictionReader:
    """Counts the cases of a prediction, line by line; several predictions in one text count together."""

    def __init__(self) -> None:
        self.is_one = False
        self._in_folder: int | None = None
        self._asked: int | None = None
        self.done = 0
        self._waits = False

    @property
    def asked(self) -> int | None:
        """Number of cases to predict; None if the text does not say it."""
        return self._in_folder if self._asked is None else self._asked

    @property
    def is_whole(self) -> bool:
        """Whether every case was predicted, and no export is known to be missing."""
        return self.is_one and self.asked is not None and self.done >= self.asked and not self._waits

    def feed(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line[:1] not in "TPpdDGS":
                continue
            if asked := _ASKED.match(line):
                self._asked = int(asked[1]) + (self._asked or 0)
            elif folder := _IN_FOLDER.match(line):
                self._in_folder = int(folder[1]) + (self._in_folder or 0)
            elif _DONE.match(line):
                self.done += 1
            elif line.startswith(_WAITS):
                self._waits = True
            elif line.startswith(_EXPORTED):
                self._waits = False
            elif not _BEGUN.match(line):
                continue
            self.is_one = True
