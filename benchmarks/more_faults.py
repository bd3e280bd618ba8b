"""Faults that ``holter demo`` does not show: damaged files and a lost export result, in real trainings."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import psutil

from holter.demo.faults import Context
from holter.demo.faults.fault import Harmless
from holter.demo.prepare import CONFIGURATION, DATASET_NAME
from holter.probes.heartbeat import HeartbeatProbe
from holter.records import Beat

EMPTY_PICKLE = b"\x80\x04}\x94."  # an empty dict: where nnU-Net looks for class_locations there are none
# Writing one case takes some tens of milliseconds, and that is when the worker must be met.
HUNT_EVERY_S = 0.002
HUNT_S = 60.0


class DamagedCase(Harmless):
    """One training case of a copy of the data is replaced by a damaged one, as by a copy that was cut short.

    Replaced, not cut in place: a worker that has the old file mapped would die of SIGBUS, which is another story.
    """

    def prepare(self, context: Context) -> dict[str, str]:
        """Train on a copy."""
        shutil.copytree(context.preprocessed, self._copy(context))
        return {"nnUNet_preprocessed": str(self._copy(context))}

    def inject(self, context: Context) -> None:
        """Damage the first training case of the fold."""
        dataset = self._copy(context) / DATASET_NAME
        case = json.loads((dataset / "splits_final.json").read_text())[0]["train"][0]
        file, content = self.damaged(dataset / f"nnUNetPlans_{CONFIGURATION}" / case)
        damaged = file.with_name(f"{file.name}.new")
        damaged.write_bytes(content)
        damaged.replace(file)

    def damaged(self, case: Path) -> tuple[Path, bytes]:
        """The file to replace, and by what; ``case`` is a path without its ending."""
        raise NotImplementedError

    def _copy(self, context: Context) -> Path:
        return context.scratch / "nnUNet_preprocessed"


class TruncatedFile(DamagedCase):
    """The image data of a case ends in the middle."""

    name = "truncated-file"
    summary = "one preprocessed image is cut short, as by a full disk or an interrupted copy"
    true_cause: str | None = "truncated-preprocessed-file"

    def damaged(self, case: Path) -> tuple[Path, bytes]:
        """A third of the image."""
        file = case.with_name(f"{case.name}.b2nd")
        content = file.read_bytes()
        return file, content[: len(content) // 3]


class WorkerException(DamagedCase):
    """The properties of a case lack what the loader looks up."""

    name = "worker-exception"
    summary = "a data worker meets a case that makes it raise KeyError"
    true_cause: str | None = "worker-exception"

    def damaged(self, case: Path) -> tuple[Path, bytes]:
        """Properties without class locations."""
        return case.with_name(f"{case.name}.pkl"), EMPTY_PICKLE


class ExportWorkerKilled(Harmless):
    """An export worker is killed while the main process waits for its last results: the pool loses the job."""

    name = "export-worker-killed"
    summary = "a process that writes validation results is killed: nnU-Net waits for that result for ever"
    true_cause: str | None = "export-lost-result-hang"

    def __init__(self) -> None:
        self.late_s: float | None = None  # from ``inject`` to the kill
        self._over = threading.Event()

    def inject(self, context: Context) -> None:
        """Lie in wait for a worker with a case in hand."""
        assert context.main_pid is not None
        scratch = Path(psutil.Process(context.main_pid).environ()["HOLTER_SCRATCH"])
        self._over.clear()
        threading.Thread(target=self._hunt, args=(scratch,), daemon=True).start()

    def relieve(self, context: Context) -> None:
        """Stop looking; a lost result does not come back."""
        self._over.set()

    def _hunt(self, scratch: Path) -> None:
        pages = HeartbeatProbe(scratch, 0.0)
        began_s = time.monotonic()
        while time.monotonic() < began_s + HUNT_S and not self._over.wait(HUNT_EVERY_S):
            if (pid := _exporting(pages)) is not None:
                os.kill(pid, signal.SIGKILL)
                self.late_s = time.monotonic() - began_s
                return


def _exporting(pages: HeartbeatProbe) -> int | None:
    """An export worker at work while the main process has nothing left to do but wait."""
    beats = [sample for sample in pages.read(0.0).samples if isinstance(sample, Beat)]
    if not any(beat.role == "main" and beat.waits_for == "export-result" for beat in beats):
        return None
    return next((beat.pid for beat in beats if beat.role == "export-worker" and beat.case), None)
