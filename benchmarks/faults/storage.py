"""Data and results on a disk or a share that is slow, fails or hangs: real file systems in user space."""

from __future__ import annotations

import contextlib
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.fault import Fault, FromDemo, Stage
from benchmarks.faults.outside import Outside
from benchmarks.faults.tools.bad_folder import BadFolder
from holter.demo.faults.slow_disk import SlowDisk

SLOW_S, SLOW_READ_S = 15.0, "4\n"
HUNG_S = 40.0
HICCUP_S = 5.0  # too short to be worth a notice


class OnBadFolder(Fault):
    """Base: part of the training's files is in a folder whose fault can be switched on."""

    _bad: BadFolder | None = None

    def needs(self) -> str | None:
        """Require FUSE."""
        return BadFolder.needs()

    def mount(self, stage: Stage, source: Path, kind: str) -> Path:
        """Mount it without the fault, and return the mount point."""
        self._bad = BadFolder(stage.folder, source, kind)
        self._bad.mount()
        return self._bad.mounted

    def inject(self, outside: Outside) -> None:
        """Switch the fault on."""
        self.strike()
        assert self._bad is not None
        self._bad.set_bad(True)

    def relieve(self) -> None:
        """Switch the fault off."""
        if self._bad is not None:
            self._bad.set_bad(False)

    def undo(self) -> None:
        """Unmount it."""
        if self._bad is not None:
            self._bad.unmount()


class DiskErrors(OnBadFolder):
    """As with a file server whose disk or connection fails."""

    name = "disk-errors"
    summary = "reads of preprocessed data fail: input/output error"
    cause = "remote-fs-error"
    acts = True

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount the data."""
        return {"nnUNet_preprocessed": str(self.mount(stage, stage.brains.preprocessed, "errors"))}


class SlowLog(OnBadFolder):
    """As with results on a busy file server; 15 seconds pass between epochs."""

    name = "slow-log"
    summary = "each line of the training log takes two seconds to write"
    when = "first-epoch"
    epochs = 2
    iterations = 20

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount the results."""
        results = stage.folder / "real-results"
        results.mkdir()
        return {"nnUNet_results": str(self.mount(stage, results, "slow-writes"))}


class ShareHangs(OnBadFolder):
    """As with a restarted file server: for ``hangs_s`` seconds every call waits, and none fails."""

    def __init__(self, hangs_s: float, **facts: Any) -> None:
        super().__init__(**facts)
        self._hangs_s = hangs_s

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount a copy of the data, with a folder for the results beside it."""
        share = stage.folder / "share"
        shutil.copytree(stage.brains.preprocessed, share / "nnUNet_preprocessed")
        (share / "nnUNet_results").mkdir()
        mounted = self.mount(stage, share, "hangs")
        (stage.folder / "results").symlink_to(mounted / "nnUNet_results")
        return {f"nnUNet_{name}": str(mounted / f"nnUNet_{name}") for name in ("preprocessed", "results")}

    def step(self, outside: Outside, since_s: float) -> None:
        """Switch the fault off after ``hangs_s``."""
        if since_s >= self._hangs_s:
            self.relieve()

    def relieve(self) -> None:
        """Let the share answer again."""
        if self.struck:
            super().relieve()
            self.repaired()


class ResultsHang(ShareHangs):
    """The main process is stuck in a write of its log or checkpoint; workers are idle, with full queues."""

    _met_s: float | None = None  # after the fault

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount the results."""
        share = stage.folder / "share"
        share.mkdir()
        mounted = self.mount(stage, share, "hangs")
        (stage.folder / "results").symlink_to(mounted)
        return {"nnUNet_results": str(mounted)}

    def step(self, outside: Outside, since_s: float) -> None:
        """Switch the fault off ``hangs_s`` after the main process waits for an answer of the file system.

        It writes there only when an epoch begins or ends.
        """
        if self._met_s is None and outside.main is not None:
            with contextlib.suppress(OSError):
                if "wait_answer" in Path(f"/proc/{outside.main.pid}/wchan").read_text():
                    self._met_s = since_s
        if self._met_s is not None:
            super().step(outside, since_s - self._met_s)


class DiskHangs(FromDemo):
    """As with a dead file server and a client that waits forever."""

    name = "disk-hangs"
    summary = "reads of preprocessed data never come back"
    cause = "slow-storage"

    def inject(self, outside: Outside) -> None:
        """Let no read return from now on."""
        super().inject(outside)
        (outside.folder / "slow-disk-delay-s").write_text("inf\n")


class SlowThenHung(FromDemo):
    """Data on a server that becomes slow, then does not answer, then recovers."""

    name = "storage-slow-then-hung"
    summary = f"reads of the data are slow for {SLOW_S:.0f} s, hang for {HUNG_S:.0f} s, then all is well"
    promise = "waits"
    is_temporary = True
    lasts_s = SLOW_S + HUNG_S

    def inject(self, outside: Outside) -> None:
        """Make it slow."""
        self._control = outside.folder / "slow-disk-delay-s"
        self._control.write_text(SLOW_READ_S)
        self.strike()

    def step(self, outside: Outside, since_s: float) -> None:
        """Let it hang, then restore it."""
        if SLOW_S <= since_s < SLOW_S + HUNG_S:
            self._control.write_text("inf\n")
        super().step(outside, since_s)


RETURNS = {"cause": "slow-storage", "is_temporary": True, "returns": True, "epochs": 8}
BACK = f"does not answer for {HUNG_S:.0f} s, and is back"

FAULTS = (
    DiskErrors,
    partial(  # an overloaded file server
        FromDemo,
        SlowDisk,
        name="disk-slow",
        summary="each read of preprocessed data takes four seconds longer",
        cause="slow-storage",
    ),
    partial(DiskHangs, SlowDisk),
    partial(ShareHangs, HUNG_S, name="share-hangs", summary=f"the share with data and results {BACK}", **RETURNS),
    partial(
        ResultsHang, HUNG_S, name="share-results-hang", summary=f"the share with the results alone {BACK}", **RETURNS
    ),
)
HEALTHY = (
    SlowLog,
    partial(
        ShareHangs,
        HICCUP_S,
        name="share-hiccup",
        summary=f"the share with data and results does not answer for {HICCUP_S:.0f} s, and is back",
        epochs=4,
    ),
)
CAMPAIGN = (partial(SlowThenHung, SlowDisk),)
