"""Two folds are started together on fresh data: one reads the split while the other one writes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside, Printed, end_session
from benchmarks.survival.fault import Stage
from holter.demo.prepare import DATASET_NAME


class SplitsRace(Fault):
    """The other fold is a real training; a thread of the lab writes its split, as slowly as a server may."""

    name = "splits-race"
    summary = "the file of the split is half written when the training reads it"
    cause = "fold-start-race"
    from_start = True
    acts = True

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()
        self._writer: threading.Thread | None = None
        self._other: subprocess.Popen[bytes] | None = None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Copy the data, on which another fold has just started."""
        data = stage.folder / "nnUNet_preprocessed"
        shutil.copytree(stage.brains.preprocessed, data)
        file = data / DATASET_NAME / "splits_final.json"
        text = json.dumps(json.loads(file.read_text()), indent=4)
        file.write_text("")
        self._writer = threading.Thread(target=self._write, args=(file, text), daemon=True)
        self._writer.start()
        self._other = subprocess.Popen(
            [sys.executable, *stage.brains.command(fold="1")[1:]],
            env={
                **os.environ,
                **stage.brains.environment(),
                "nnUNet_preprocessed": str(data),
                "nnUNet_results": str(stage.folder / "other-results"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return {"nnUNet_preprocessed": str(data)}

    def _write(self, file: object, text: str) -> None:
        with open(str(file), "w", encoding="utf-8") as out:  # noqa: PTH123 - the file stays open
            out.write(text[: len(text) // 2])
            out.flush()
            self._over.wait()
            out.write(text[len(text) // 2 :])

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Break it as soon as the training exists."""
        return outside.main is not None

    def inject(self, outside: Outside) -> None:
        """Record the time; the file is being written already."""
        self.strike()

    def relieve(self) -> None:
        """Write the rest."""
        self._over.set()

    def undo(self) -> None:
        """Write the rest, and end the other fold, which mostly failed on the same file."""
        self._over.set()
        if self._writer is not None:
            self._writer.join()
        if self._other is not None:
            end_session(self._other.pid)
            self._other.wait()
            self._other = None


SCENARIO = SplitsRace
