"""The preprocessed data becomes slow: a FUSE file system delays every read of image data."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from holter.demo.faults.fault import Context, DemoFault
from holter.errors import CannotDoHere
from holter.install import extra_line
from holter.linux.mounts import parse_mountinfo
from holter.records import Message
from holter.sentences import define

NO_PACKAGE = define("demo.needs.mfusepy", "the Python package mfusepy is missing ({install})")
NO_LIBRARY = define("demo.needs.fuse3", "the library libfuse3 is missing (Debian: apt install fuse3)")
NO_DEVICE = define(
    "demo.needs.device", "{device} cannot be opened (in a container: --device {device} --cap-add SYS_ADMIN)"
)
NO_FUSERMOUNT = define("demo.needs.fusermount3", "fusermount3 is missing (Debian: apt install fuse3)")
NOT_MOUNTED = define("error.demo.not-mounted", "The slow file system did not mount on {path}: {output}")
DATA_UNTOUCHED = define("safe.data-untouched", "The preprocessed data was not touched.")

READ_DELAY_S = 4.0  # one case takes several reads: a batch takes half a minute instead of a tenth of a second
MOUNT_WAIT_S = 15.0  # Python starts and mounts in under a second; a busy machine may need several
UNMOUNT_WAIT_S = 5.0
POLL_S = 0.05

DEVICE = Path("/dev/fuse")


class SlowDisk(DemoFault):
    """A pass-through FUSE mount in front of nnUNet_preprocessed that can be made slow."""

    name = "slow-disk"
    true_cause: str | None = "slow-storage"

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._mount: Path | None = None

    def needs(self) -> Message | None:
        """Return which part of FUSE is missing (device, library, Python binding, right to mount), or None."""
        if importlib.util.find_spec("mfusepy") is None:
            return NO_PACKAGE(install=extra_line("fuse"))
        if not (ctypes.util.find_library("fuse3") or ctypes.util.find_library("fuse")):
            return NO_LIBRARY()
        if not os.access(DEVICE, os.R_OK | os.W_OK):
            return NO_DEVICE(device=str(DEVICE))
        if os.geteuid() != 0 and _unmounter() is None:
            return NO_FUSERMOUNT()
        return None

    def prepare(self, context: Context) -> dict[str, str]:
        """Mount it without a delay; return the variable that makes the training use the mount."""
        mount, control = _places(context)
        if self._server is None:
            mount.mkdir(exist_ok=True)
            control.write_text("0\n")
            self._start(context.preprocessed, mount, control)
        return {"nnUNet_preprocessed": str(mount)}

    def _start(self, source: Path, mount: Path, control: Path) -> None:
        self._mount = mount
        log = mount.with_name("slow-disk.log")
        command = [sys.executable, "-m", "holter.demo.slow_fs", str(source), str(mount), str(control)]
        with log.open("wb") as out:
            # Its own session: if Ctrl-C ended it before the training, the training would wait on a dead mount.
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        end_s = time.monotonic() + MOUNT_WAIT_S
        while time.monotonic() < end_s and self._server.poll() is None:
            if _is_mounted(mount):
                return
            time.sleep(POLL_S)
        raise CannotDoHere(
            NOT_MOUNTED(path=str(mount), output=log.read_text(errors="replace").strip()[-500:]),
            safe=DATA_UNTOUCHED(),
            next_step="holter demo --fault freeze-worker",
        )

    def inject(self, context: Context) -> None:
        """Delay each read of image data by READ_DELAY_S."""
        _places(context)[1].write_text(f"{READ_DELAY_S}\n")

    def relieve(self, context: Context) -> None:
        """Remove the delay; waiting reads return within a moment."""
        control = _places(context)[1]
        if control.exists():
            control.write_text("0\n")

    def undo(self, context: Context) -> None:
        """Remove the delay and unmount. A training that still reads loses its data."""
        self.relieve(context)
        if self._mount is not None:
            _unmount(self._mount)
            self._mount = None
        if self._server is not None:
            _end(self._server)
            self._server = None


def _places(context: Context) -> tuple[Path, Path]:
    return context.scratch / "slow-disk", context.scratch / "slow-disk-delay-s"


def _unmounter() -> str | None:
    return shutil.which("fusermount3") or shutil.which("fusermount")


def _is_mounted(mount: Path) -> bool:
    # Read from the kernel's list: a stat of the mount itself could hang.
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    return any(each.mount_point == str(mount) for each in mounts)


def _unmount(mount: Path) -> None:
    # Lazy unmount: removed from the tree at once, and released when its last user is gone.
    if not _is_mounted(mount):
        return
    tool = _unmounter()
    command = [tool, "-u", "-z", str(mount)] if tool else ["umount", "-l", str(mount)]
    subprocess.run(command, check=False, capture_output=True, timeout=UNMOUNT_WAIT_S)


def _end(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(UNMOUNT_WAIT_S)
    except subprocess.TimeoutExpired:
        # A file is still open. Killing the server ends the connection and wakes waiting readers.
        server.kill()
        server.wait()
