"""Results on a disk that is full or read-only; results or a log that are deleted or moved."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

from benchmarks.faults.fault import Fault, Stage
from benchmarks.faults.outside import Outside

SIZE = "48m"  # fits a dozen checkpoints of the small network
BLOCK = bytes(1 << 12)  # a page
# nnU-Net retries each line of its log for 2.5 s, about 20 s per epoch: this is longer, so that its plot fails too.
LASTS_S = 40.0
REMOUNT_WITHIN_S = 5.0


class Filler:
    """A file that takes all free space."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Write until the disk is full."""
        try:
            with self.path.open("ab", buffering=0) as file:
                while True:
                    file.write(BLOCK)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise

    def remove(self) -> None:
        """Delete the file."""
        with contextlib.suppress(OSError):
            self.path.unlink()


class SmallResults(Fault):
    """Base: the results folder is a file system of its own, in memory, with a fault for a while."""

    cause = "disk-full-or-quota"
    acts = True
    promise = "goes-on"
    is_temporary = True

    def needs(self) -> str | None:
        """Require mounts."""
        return None if os.geteuid() == 0 else "a file system can be mounted by root only"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount it."""
        self._results = stage.folder / "results"
        self._results.mkdir(exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={SIZE}", "holter-survival", str(self._results))
        return {}

    def step(self, outside: Outside, since_s: float) -> None:
        """Repair it after ``LASTS_S``."""
        if since_s >= LASTS_S and self.over_at is None:
            self.relieve()

    def undo(self) -> None:
        """Unmount it, now or as soon as no process uses it."""
        subprocess.run(["umount", "-l", str(self._results)], check=False, capture_output=True)


class DiskFull(SmallResults):
    """No space left on device."""

    name = "disk-full"
    summary = "the disk below the results is full for a while"

    def inject(self, outside: Outside) -> None:
        """Fill it."""
        self.strike()
        self._filler = Filler(self._results / "filler")
        self._filler.fill()

    def step(self, outside: Outside, since_s: float) -> None:
        """Keep it full: files come and go."""
        super().step(outside, since_s)
        if self.over_at is None:
            self._filler.fill()

    def relieve(self) -> None:
        """Free the space."""
        if self.struck:
            self._filler.remove()
        self.repaired()


class ReadOnly(SmallResults):
    """Remounted read-only, as the kernel does after a file system error."""

    name = "results-read-only"
    summary = "the results are read-only for a while"

    def inject(self, outside: Outside) -> None:
        """Remount; not possible while a file is open for writing."""
        until_s = time.monotonic() + REMOUNT_WITHIN_S
        while True:
            try:
                _mount("-o", "remount,ro", str(self._results))
            except RuntimeError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.05)
            else:
                self.strike()
                return

    def relieve(self) -> None:
        """Remount writable."""
        if self.struck and self.over_at is None:
            _mount("-o", f"remount,rw,size={SIZE}", str(self._results))
        self.repaired()


class Deleted(Fault):
    """nnU-Net notices at its next save, fifty epochs later."""

    name = "results-deleted"
    summary = "the results folder of the fold is deleted in mid-run"
    cause = "results-folder-gone"
    acts = True  # stopping is right: a restart without the folder would begin at epoch 0

    def inject(self, outside: Outside) -> None:
        """Delete the folder."""
        assert outside.fold is not None
        self.strike()
        shutil.rmtree(outside.fold)


class LogDeleted(Fault):
    """nnU-Net starts a new one; worth a notice but no alarm."""

    name = "log-deleted"
    summary = "the training log is deleted in mid-run"

    def inject(self, outside: Outside) -> None:
        """Take the log away."""
        assert outside.fold is not None
        self.strike()
        for log in outside.fold.glob("training_log_*.txt"):
            self.take(log)

    def take(self, log: Path) -> None:
        """Delete the log."""
        log.unlink()


class LogRotated(LogDeleted):
    """The same, but the old log is kept."""

    name = "log-rotation"
    summary = "the training log is moved away, as logrotate does"

    def take(self, log: Path) -> None:
        """Move the log."""
        log.rename(log.with_name(log.name + ".1"))


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"mount {' '.join(arguments)}: {done.stderr.strip()}")


FAULTS = (DiskFull, ReadOnly, Deleted)
HEALTHY = (partial(LogDeleted, notices=("log-gone",), epochs=3, iterations=120),)
CAMPAIGN = (LogRotated,)
