"""A folder seen through a file system in user space that can fail, or be slow to write.

``python -m benchmarks.faultlab.bad_folder SOURCE MOUNT CONTROL errors|slow-writes``: everything passes through, and
while the file CONTROL holds a number above 0 it goes wrong.
"""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from pathlib import Path

from holter.demo.faults.slow_disk import SlowDisk
from holter.demo.slow_fs import FS_NAME, FS_SUBTYPE, SLOW_SUFFIX, SlowFolder, read_delay_s
from holter.errors import DemoFailed

MOUNT_WITHIN_S = 20.0
SLOW_WRITE_S = 2.0  # a line of the log


class FailingFolder(SlowFolder):
    """Reads of image data fail."""

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """As ``pread``, or EIO."""
        if path.endswith(SLOW_SUFFIX) and read_delay_s(self._control) > 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(path, size, offset, fh)


class SlowToWrite(SlowFolder):
    """Lines of the training log take their time."""

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """As ``pwrite``, late."""
        if path.endswith(".txt") and read_delay_s(self._control) > 0:
            time.sleep(SLOW_WRITE_S)
        return super().write(path, data, offset, fh)


KINDS: dict[str, type[SlowFolder]] = {"errors": FailingFolder, "slow-writes": SlowToWrite}


class BadFolder:
    """Mount point, control file and server."""

    def __init__(self, folder: Path, source: Path, kind: str) -> None:
        self.mounted = folder / "bad-folder"
        self._control = folder / "bad-folder-is-bad"
        self._log = folder / "bad-folder.log"
        self._command = [sys.executable, "-m", __name__, str(source), str(self.mounted), str(self._control), kind]
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


def main(arguments: list[str]) -> int:
    """Serve until it is unmounted."""
    from mfusepy import FUSE

    source, mounted, control, kind = arguments
    folder = KINDS[kind](Path(source).absolute(), Path(control).absolute())
    FUSE(folder, mounted, foreground=True, fsname=FS_NAME, subtype=FS_SUBTYPE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
