"""A folder behind a file system in user space that can fail, be slow or hang; ``bad_files`` serves it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faultlab.fault import Scenario
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside
from holter.demo.faults.slow_disk import SlowDisk
from holter.errors import DemoFailed
from holter.reports.catalogue import phrase

MOUNT_WITHIN_S = 20.0
SERVER = "benchmarks.faultlab.bad_files"  # only there libfuse is loaded: without it the rest of the lab still runs


class BadFolder:
    """Mount point, control file and server."""

    def __init__(self, folder: Path, source: Path, kind: str) -> None:
        self.mounted = folder / "bad-folder"
        self._control = folder / "bad-folder-is-bad"
        self._log = folder / "bad-folder.log"
        self._command = [sys.executable, "-m", SERVER, str(source), str(self.mounted), str(self._control), kind]
        self._server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def needs() -> str | None:
        """Require FUSE, as the demo's slow disk does."""
        missing = SlowDisk().needs()
        return None if missing is None else phrase(missing, "en")

    def mount(self) -> None:
        """Serve it from a process of its own.

        Raises:  DemoFailed.
        """
        self.mounted.mkdir()
        self.set_bad(False)
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until_s = time.monotonic() + MOUNT_WITHIN_S
        while not self.mounted.is_mount():
            if self._server.poll() is not None or time.monotonic() > until_s:
                raise DemoFailed(f"{self.mounted} was not mounted: {self._log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)

    def set_bad(self, bad: bool) -> None:
        """Switch the fault on or off."""
        self._control.write_text("1\n" if bad else "0\n")

    def unmount(self) -> None:
        """Switch the fault off and unmount."""
        if self._server is None:
            return
        self.set_bad(False)
        subprocess.run(["umount", "-l", str(self.mounted)], check=False, capture_output=True)
        try:
            self._server.wait(5.0)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None


class OnBadFolder(Scenario):
    """Base: part of the training's files is in such a folder, whose fault is switched on at the time of the fault."""

    def __init__(self) -> None:
        super().__init__()
        self._bad: BadFolder | None = None

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


class OnHangingShare(OnBadFolder):
    """Base: a share with data and results answers no call for ``hangs_s`` seconds."""

    hangs_s = 0.0

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
        if since_s >= self.hangs_s:
            self.relieve()

    def relieve(self) -> None:
        """Let the share answer again."""
        if self.struck:
            super().relieve()
            self.repaired()
