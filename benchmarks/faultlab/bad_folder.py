"""A folder seen through a file system in user space that can fail, be slow or hang: ``bad_files`` serves it."""

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

MOUNT_WITHIN_S = 20.0
SERVER = "benchmarks.faultlab.bad_files"  # libfuse is loaded there alone: where it is missing, the rest of the lab runs


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
        """FUSE, as for the demo's slow disk."""
        return SlowDisk().needs()

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
        """Let it go wrong from now on, or be well again."""
        self._control.write_text("1\n" if bad else "0\n")

    def unmount(self) -> None:
        """Be well again, and go."""
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
    """Base: something of the training lies in such a folder, which goes wrong when it is time."""

    def __init__(self) -> None:
        super().__init__()
        self._bad: BadFolder | None = None

    def needs(self) -> str | None:
        """FUSE."""
        return BadFolder.needs()

    def mount(self, stage: Stage, source: Path, kind: str) -> Path:
        """Mount it, sound for now, and return where."""
        self._bad = BadFolder(stage.folder, source, kind)
        self._bad.mount()
        return self._bad.mounted

    def inject(self, outside: Outside) -> None:
        """It goes wrong from now on."""
        self.strike()
        assert self._bad is not None
        self._bad.set_bad(True)

    def relieve(self) -> None:
        """It is well again."""
        if self._bad is not None:
            self._bad.set_bad(False)

    def undo(self) -> None:
        """Unmount it."""
        if self._bad is not None:
            self._bad.unmount()


class OnHangingShare(OnBadFolder):
    """Base: a share with data and results answers no call for ``hangs_s``, and is back."""

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
        """Back in time."""
        if since_s >= self.hangs_s:
            self.relieve()

    def relieve(self) -> None:
        """It answers."""
        if self.struck:
            super().relieve()
            self.repaired()
