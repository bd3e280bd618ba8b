"""One Holter a fold: a lock file that outlives crashes, and that other hosts see over NFS.

``flock`` does not reach other hosts on every NFS, so the file's existence is the lock, made by an atomic ``link``.
Its holder writes it anew every few seconds; one that has not been written for long, or whose process is gone from
this host, is left over from a crash and is taken over.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import threading
import time
from pathlib import Path

import psutil

from holter.errors import AlreadyTraining, FolderNotWritable
from holter.supervisor.signals import FORWARDED

FILE = "holter.lock"
REFRESH_S = 10.0
# Another host's lock is left over after this: attribute caches of NFS (60 s) and a paused machine stay far below.
STALE_S = 300.0


class FoldLock:
    """The right to train in a folder.

    Raises:  AlreadyTraining if another Holter trains there, FolderNotWritable.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._token = secrets.token_hex(8)
        self._stop = threading.Event()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._take()
        except OSError as error:
            raise FolderNotWritable(
                f"Cannot write in {folder}: {error.strerror}.",
                safe="Nothing was started.",
                next_step="Check nnUNet_results, its free space and its permissions.",
            ) from error
        self._refresher = threading.Thread(target=self._refresh, name="holter-fold-lock", daemon=True)
        self._refresher.start()

    def close(self) -> None:
        """Give the folder free."""
        self._stop.set()
        self._refresher.join(REFRESH_S)
        if self._holder().get("token") == self._token:
            self._path.unlink(missing_ok=True)

    def _take(self) -> None:
        while True:
            mine = self._path.with_name(f"{FILE}.{self._token}")
            mine.write_text(json.dumps(self._who()), encoding="utf-8")
            try:
                os.link(mine, self._path)
                return
            except FileExistsError:
                self._refuse_unless_left_over(mine)
            finally:
                mine.unlink(missing_ok=True)

    def _refuse_unless_left_over(self, mine: Path) -> None:
        holder = self._holder()
        try:
            age_s = mine.stat().st_mtime - self._path.stat().st_mtime  # both by the file server's clock
        except FileNotFoundError:
            return  # it was given free just now
        if _is_gone(holder) or age_s > STALE_S:
            self._take_away(holder)
            return
        raise AlreadyTraining(
            f"Another Holter trains in {self._path.parent} (PID {holder.get('pid')} on {holder.get('host')}).",
            safe="It goes on; nothing was started or changed.",
            next_step=f"If that one is dead for certain: rm {self._path}",
        )

    def _take_away(self, holder: dict[str, object]) -> None:
        """Remove the lock of that holder. Renamed first: of two that do so at once only one finds it."""
        left = self._path.with_name(f"{FILE}.left-{self._token}")
        try:
            self._path.rename(left)
        except FileNotFoundError:
            return
        if _read(left).get("token") != holder.get("token"):  # somebody was quicker, and this is his new lock
            with contextlib.suppress(FileExistsError):
                os.link(left, self._path)
        left.unlink(missing_ok=True)

    def _who(self) -> dict[str, object]:
        pid = os.getpid()
        started = psutil.Process(pid).create_time()
        return {"host": _host(), "pid": pid, "started": started, "token": self._token}

    def _holder(self) -> dict[str, object]:
        return _read(self._path)

    def _refresh(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # the main thread waits for them
        while not self._stop.wait(REFRESH_S):
            with contextlib.suppress(OSError):
                if self._holder().get("token") == self._token:
                    os.utime(self._path)


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _host() -> str:
    """Name and boot of this machine: after a restart of it every process is another one."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = str(int(time.time() - time.monotonic()) // 60)
    return f"{socket.gethostname()} {boot}"


def _is_gone(holder: dict[str, object]) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    host, pid, started = holder.get("host"), holder.get("pid"), holder.get("started")
    if not isinstance(host, str) or not isinstance(pid, int):
        return False
    name, _, boot = host.partition(" ")
    ours, _, our_boot = _host().partition(" ")
    if name != ours:
        return False
    if boot != our_boot:
        return True
    try:
        return bool(abs(psutil.Process(pid).create_time() - float(str(started))) > 1.0)
    except (psutil.NoSuchProcess, ValueError):
        return True
