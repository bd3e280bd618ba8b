"""Disks that are full, read-only, slow or unreachable for a while; a full /dev/shm."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault gets the same arguments
import contextlib
import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.outside import Outside
from benchmarks.survival.fault import Fault, FromDemo, Stage
from holter.demo.faults.slow_disk import SlowDisk

RESULTS_SIZE = "48m"  # fits a dozen checkpoints of the small network
SHM_SIZE = "64m"  # three workers have some megabytes in flight
# nnU-Net retries each line of its log for 2.5 s, about 20 s per epoch: this is longer, so that its plot fails too.
LASTS_S = 40.0
SHM_LASTS_S = 20.0  # ready batches are enough for some seconds
REFILL_S = 0.002  # faster than the next worker uses the space of a freed tensor
SLOW_S, SLOW_READ_S = 15.0, "4\n"
HUNG_S = 40.0
BLOCK = bytes(1 << 12)  # a page
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
    """Base: the results folder is a file system of its own, in memory."""

    promise = "goes-on"
    is_temporary = True

    def needs(self) -> str | None:
        """Require mounts."""
        return None if os.geteuid() == 0 else "a file system can be mounted by root only"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount it."""
        self._results = stage.folder / "results"
        self._results.mkdir(exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={RESULTS_SIZE}", "holter-survival", str(self._results))
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
    """Remounted read-only, as after a file system error."""

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
            _mount("-o", f"remount,rw,size={RESULTS_SIZE}", str(self._results))
        self.repaired()


class SlowThenHung(FromDemo):
    """Data on a server that becomes slow, then does not answer, then recovers."""

    name = "storage-slow-then-hung"
    summary = f"reads of the data are slow for {SLOW_S:.0f} s, hang for {HUNG_S:.0f} s, then all is well"
    promise = "waits"
    lasts_s = SLOW_S + HUNG_S

    def __init__(self) -> None:
        super().__init__(SlowDisk())

    def inject(self, outside: Outside) -> None:
        """Make it slow."""
        self._control = outside.folder / "slow-disk-delay-s"
        self._control.write_text(SLOW_READ_S)
        self.strike()

    def step(self, outside: Outside, since_s: float) -> None:
        """Let it hang, then restore it."""
        if SLOW_S <= since_s < self.lasts_s:
            self._control.write_text("inf\n")
        super().step(outside, since_s)


class ShmFull(Fault):
    """No space in /dev/shm, through which workers pass their tensors: SIGBUS, or an exception."""

    name = "shm-full"
    summary = f"/dev/shm is full for {SHM_LASTS_S:.0f} s"
    promise = "goes-on"
    is_temporary = True

    def needs(self) -> str | None:
        """Require a mount namespace."""
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            return "a mount namespace needs root and unshare"
        trial = subprocess.run([*_with_own_shm(["true"])], check=False, capture_output=True, text=True)
        return f"no mount namespace can be made: {trial.stderr.strip()}" if trial.returncode else None

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Run in a namespace with a /dev/shm of its own."""
        return _with_own_shm(command)

    def inject(self, outside: Outside) -> None:
        """Fill it through /proc/PID/root, and keep filling whatever a used tensor frees."""
        self.strike()
        self._filler = Filler(Path(f"/proc/{outside.leader}/root/dev/shm/filler"))
        self._filler.fill()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep_full, daemon=True)
        self._keeper.start()

    def _keep_full(self) -> None:
        while not self._over.wait(REFILL_S):
            with contextlib.suppress(OSError):
                self._filler.fill()

    def step(self, outside: Outside, since_s: float) -> None:
        """Free the space after a while."""
        if since_s >= SHM_LASTS_S and self.over_at is None:
            self.relieve()

    def relieve(self) -> None:
        """Free the space."""
        if self.struck and self.over_at is None:
            self._over.set()
            self._keeper.join()
            self._filler.remove()
        self.repaired()


def _with_own_shm(command: Sequence[str]) -> list[str]:
    script = f'mount -t tmpfs -o size={SHM_SIZE} holter-survival /dev/shm && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, "sh", *command]


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"mount {' '.join(arguments)}: {done.stderr.strip()}")
