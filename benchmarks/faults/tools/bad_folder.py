"""A folder seen through a file system in user space that can fail, be slow or hang: ``bad_files`` serves it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faults.fault import english
from holter.demo.faults.slow_disk import SlowDisk
from holter.errors import DemoFailed

MOUNT_WITHIN_S = 20.0
# libfuse is loaded there alone: where it is missing, all other faults can be made.
SERVER = "benchmarks.faults.tools.bad_files"


class BadFolder:
    """Mount point, control file and server. ``bad``: what the control file holds while it is bad."""

    def __init__(self, folder: Path, source: Path, kind: str, bad: float = 1.0) -> None:
        self._bad = bad
        self.mounted = folder / "bad-folder"
        self._control = folder / "bad-folder-is-bad"
        self._log = folder / "bad-folder.log"
        self._command = [sys.executable, "-m", SERVER, str(source), str(self.mounted), str(self._control), kind]
        self._server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def needs() -> str | None:
        """FUSE, as for the demo's slow disk."""
        return english(SlowDisk().needs())

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
        self._control.write_text(f"{self._bad if bad else 0:g}\n")

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
