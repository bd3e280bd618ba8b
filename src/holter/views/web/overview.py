"""The runs of a folder, with the same sentences as in ``holter top``, each with the address of its page."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import NamedTuple

from holter.reports.catalogue import Lang
from holter.reports.when import duration
from holter.tape.surrogates import plain_text
from holter.views.model.folder import RunFolder, RunRow, tapes

# A first visitor of a folder with many tapes sees those that were read by then; the others follow.
PATIENCE_S = 0.6


class Run(NamedTuple):
    key: str  # in its address
    file: str  # the tape, as seen from the folder
    what: str  # data set, configuration, fold
    row: RunRow
    epoch_takes: str = ""
    spark: str = ""  # GPU utilisation of the last two minutes, as the bars of an SVG path


class Overview:
    """Finds the tapes of a folder, and reads of each only what is new."""

    def __init__(self, folder: Path, lang: Lang) -> None:
        self.folder = folder
        self._lang: Lang = lang
        self._runs = RunFolder((folder,), lang)

    def path_of(self, key: str) -> Path | None:
        """Return the tape with this key, if it is in the folder."""
        return next((path for path in tapes((self.folder,)) if _key(self._file(path)) == key), None)

    def name_of(self, path: Path) -> str:
        """Return the name of a tape as the overview shows it."""
        return self._file(path).removesuffix(".holter")

    def runs(self) -> list[Run]:
        """Return the runs: first those that are being recorded, then the others, the newest first."""
        enough_s = time.monotonic() + PATIENCE_S
        rows = self._runs.rows(time.monotonic(), time.time(), lambda: time.monotonic() > enough_s)
        return [
            Run(
                key=_key(self._file(row.path)),
                file=self.name_of(row.path),
                what=row.name.removeprefix(row.path.stem).strip(),
                row=row,
                epoch_takes=duration(row.usual_epoch_s, self._lang) if row.usual_epoch_s else "",
                spark=_bars(row.gpu_cells),
            )
            for row in rows
        ]

    def _file(self, path: Path) -> str:
        return plain_text(path.relative_to(self.folder).as_posix())


def _bars(shares: tuple[float | None, ...]) -> str:
    bars = [(at, 10 * value) for at, value in enumerate(shares) if value is not None]
    return "".join(f"M{at} 10v-{height:.1f}h.8v{height:.1f}z" for at, height in bars)


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]
