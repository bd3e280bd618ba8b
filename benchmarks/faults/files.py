"""Preprocessed data that is damaged, missing, old, or being written by another training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.fault import Fault, FromDemo, FromTheStart, Stage
from benchmarks.faults.machine import WithOthers
from holter.demo.faults.damaged import DamagedCase, TruncatedFile, WorkerException
from holter.demo.prepare import CONFIGURATION, DATASET_NAME

FOLDS = 5
SPLITS = "splits_final.json"


class DeletedCase(DamagedCase):
    """As by a clean-up script; the worker that needs the case raises."""

    def damage(self, case: Path) -> None:
        """Delete the files."""
        for file in case.parent.glob(f"{case.name}[._]*"):
            file.unlink()


class Cut(Fault):
    """One file has lost its second half, as after a full disk, a quota or an interrupted copy."""

    def __init__(self, file: str, **facts: Any) -> None:
        super().__init__(**facts)
        self._file = file

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Truncate the file in a copy of the data."""
        data, variables = stage.copy_data()
        file = data / DATASET_NAME / self._file
        if self._file == SPLITS:  # the first training of a data set makes it, so it may be missing
            _split(file)
        os.truncate(file, file.stat().st_size // 2)
        return variables


class CutFromTheStart(Cut, FromTheStart):
    """The main process cannot read it, and ends."""

    cause = "truncated-preprocessed-file"
    when = "process"


def _split(file: Path) -> None:
    cases = sorted(case.stem for case in (file.parent / f"nnUNetPlans_{CONFIGURATION}").glob("*.pkl"))
    splits = [
        {"train": sorted(set(cases) - set(cases[fold::FOLDS])), "val": cases[fold::FOLDS]} for fold in range(FOLDS)
    ]
    file.write_text(json.dumps(splits, indent=4))


class OlderData(FromTheStart):
    """SIGSEGV within the first epoch, at every start: docs/upstream.md, section 23."""

    name = "older-data"
    summary = "the data are .npz of an older nnU-Net: workers write into read-only memory and crash (SIGSEGV)"
    cause = "read-only-data"
    acts = True
    when = "process"
    watch_s = 90.0

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Copy the data into archives."""
        data, variables = stage.copy_data()
        cases = data / DATASET_NAME / f"nnUNetPlans_{CONFIGURATION}"
        subprocess.run([sys.executable, "-m", "benchmarks.faults.tools.archives", str(cases)], check=True)
        return variables


class SplitsRace(FromTheStart, WithOthers):
    """The other fold is a real training; a thread writes its split, as slowly as a server may."""

    name = "splits-race"
    summary = "the file of the split is half written when the training reads it"
    cause = "fold-start-race"
    acts = True
    when = "process"

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()
        self._writer: threading.Thread | None = None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Copy the data, and start another fold on the copy."""
        data, variables = stage.copy_data()
        file = data / DATASET_NAME / SPLITS
        text = json.dumps(json.loads(file.read_text()), indent=4)
        file.write_text("")
        self._writer = threading.Thread(target=self._write, args=(file, text), daemon=True)
        self._writer.start()
        self.start_fold(stage.folder, stage.brains, **variables)
        return variables

    def _write(self, file: Path, text: str) -> None:
        with file.open("w", encoding="utf-8") as out:
            out.write(text[: len(text) // 2])
            out.flush()
            self._over.wait()
            out.write(text[len(text) // 2 :])

    def relieve(self) -> None:
        """Write the rest, and end the other fold, which mostly failed on the same file."""
        self._over.set()
        super().relieve()

    def undo(self) -> None:
        """End the thread as well."""
        super().undo()
        if self._writer is not None:
            self._writer.join()


FAULTS = (
    partial(
        FromDemo,
        TruncatedFile,
        name="truncated-file",
        summary="one preprocessed image is cut short, as by a full disk or an interrupted copy",
        cause="truncated-preprocessed-file",
        acts=True,
    ),
    partial(
        FromDemo,
        WorkerException,
        name="corrupted-file",
        summary="a data worker meets a case that makes it raise KeyError",
        cause="worker-exception",
        acts=True,
    ),
    partial(
        FromDemo,
        DeletedCase,
        name="deleted-case",
        summary="the files of one case are deleted",
        cause="worker-exception",
        acts=True,
    ),
    partial(CutFromTheStart, "dataset.json", name="cut-dataset-json", summary="dataset.json ends in the middle"),
    partial(
        CutFromTheStart, "nnUNetPlans.json", name="cut-plans", summary="the plans of the data set ends in the middle"
    ),
    partial(
        CutFromTheStart,
        SPLITS,
        name="cut-splits",
        summary="splits_final.json ends in the middle, and nobody else is writing it",
    ),
    OlderData,
    SplitsRace,
)
HEALTHY = (
    partial(  # it is read only for planning; a training copies it
        Cut,
        "dataset_fingerprint.json",
        name="cut-fingerprint",
        summary="dataset_fingerprint.json ends in the middle, which matters for planning only",
    ),
)
