"""One Holter a fold: a lock file that outlives crashes, and that other hosts see over NFS.

The file's existence is the lock, made by an atomic ``link``, because ``flock`` does not reach other hosts on every NFS.
The file is held by ``flock`` as well, by Holter and by every process of its training: where Holter alone was killed,
nobody begins beside the training that goes on. What is neither held nor kept fresh is left over and is taken over.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import signal
import threading
from pathlib import Path
from typing import Literal, NoReturn

from holter.errors import AlreadyTraining, FolderNotWritable
from holter.probes.process_files import parse_stat
from holter.probes.procfs import read_text
from holter.supervisor.place import here
from holter.supervisor.signals import FORWARDED

FILE = "holter.lock"
REFRESH_S = 10.0
# Another host's lock is left over after this: attribute caches of NFS (60 s) and a paused machine stay far below.
STALE_S = 300.0
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # exFAT, some network and user-space file systems


class FoldLock:
    """The right to train in a folder. ``fd`` is for the training to inherit.

    Raises:  AlreadyTraining if another Holter or its training is there, FolderNotWritable.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._token = secrets.token_hex(8)
        self._stop = threading.Event()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._take()
            self.fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise FolderNotWritable(
                f"Cannot write in {folder}: {error.strerror}.",
                safe="Nothing was started.",
                next_step="Check nnUNet_results, its free space and its permissions.",
            ) from error
        with contextlib.suppress(OSError):  # a file system without flock
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._refresher = threading.Thread(target=self._refresh, name="holter-fold-lock", daemon=True)
        self._refresher.start()

    def close(self) -> None:
        """Give the folder free; where processes of the training live on, they hold it until they end."""
        self._stop.set()
        self._refresher.join(REFRESH_S)
        os.close(self.fd)
        if _read(self._path).get("token") == self._token and not _is_held(self._path):
            self._path.unlink(missing_ok=True)

    def _take(self) -> None:
        while True:
            mine = self._path.with_name(f"{FILE}.{self._token}")
            mine.write_text(json.dumps(self._who()), encoding="utf-8")
            try:
                self._link(mine)
                return
            except FileExistsError:
                self._refuse_unless_left_over(mine)
            finally:
                mine.unlink(missing_ok=True)

    def _link(self, mine: Path) -> None:
        try:
            os.link(mine, self._path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            with self._path.open("x", encoding="utf-8") as file:
                file.write(mine.read_text(encoding="utf-8"))

    def _refuse_unless_left_over(self, mine: Path) -> None:
        holder = _read(self._path)
        try:
            age_s = mine.stat().st_mtime - self._path.stat().st_mtime  # both by the file server's clock
        except FileNotFoundError:
            return  # it was given free just now
        gone = _is_gone(holder)
        if _is_held(self._path) or gone is False or (gone is None and age_s <= STALE_S):
            self._refuse(holder, gone=bool(gone))
        # Renamed before it is removed: of two that do so at once only one finds it.
        left = self._path.with_name(f"{FILE}.left-{self._token}")
        try:
            self._path.rename(left)
        except FileNotFoundError:
            return
        if _read(left).get("token") != holder.get("token"):  # somebody was quicker, and this is his new lock
            with contextlib.suppress(FileExistsError):
                os.link(left, self._path)
        left.unlink(missing_ok=True)

    def _refuse(self, holder: dict[str, object], *, gone: bool) -> NoReturn:
        if gone:
            raise AlreadyTraining(
                f"A training of {self._path.parent} goes on without its Holter (PID {holder.get('pid')} is gone).",
                safe="It goes on; nothing was started or changed.",
                next_step="holter attach PID records it; holter train continues when it has ended.",
            )
        raise AlreadyTraining(
            f"Another Holter trains in {self._path.parent} (PID {holder.get('pid')} on {holder.get('host')}).",
            safe="It goes on; nothing was started or changed.",
            next_step=f"If that one is dead for certain: rm {self._path}",
        )

    def _who(self) -> dict[str, object]:
        pid = os.getpid()
        return {"host": here(), "pid": pid, "started": _started(pid), "token": self._token}

    def _refresh(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # the main thread waits for them
        while not self._stop.wait(REFRESH_S):
            with contextlib.suppress(OSError):
                if _read(self._path).get("token") == self._token:
                    os.utime(self._path)


def look_at_lock(folder: Path) -> tuple[Literal["none", "held", "left-over", "elsewhere"], str | None]:
    """Who has the right to train in a folder, without taking it; ``elsewhere`` cannot be told from here."""
    path = folder / FILE
    if not path.exists():
        return "none", None
    holder = _read(path)
    name = f"PID {holder.get('pid')} on {str(holder.get('host')).partition(' ')[0]}"
    gone = _is_gone(holder)
    if _is_held(path) or gone is False:
        return "held", name
    return ("elsewhere" if gone is None else "left-over"), name


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_held(path: Path) -> bool:
    """Whether a process that can be seen from here holds the file open as its lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _is_gone(holder: dict[str, object]) -> bool | None:
    """Whether the holder lives; None where that cannot be seen from here (another host, boot or container)."""
    pid, started = holder.get("pid"), holder.get("started")
    if holder.get("host") != here() or not isinstance(pid, int):
        return None
    now = _started(pid)
    return now is None or now != started


def _started(pid: int) -> int | None:
    """Start of a living process in ticks since boot: a time of day would change with every jump of the clock."""
    seen = parse_stat(read_text(f"/proc/{pid}/stat"))
    return None if seen is None or seen.state in "ZX" else seen.started_ticks
