"""A lock file that outlives crashes, and that other hosts see over NFS.

The file's existence is the lock, made by an atomic ``link``, because ``flock`` does not reach other hosts on every NFS.
The file is held by ``flock`` as well, by Holter and by every process that inherits its descriptor. What is neither held
nor kept fresh is left over and is taken over.
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
import time
from pathlib import Path

from holter.supervisor.folds.lock_state import About, is_gone, is_held, read, started
from holter.supervisor.folds.place import here
from holter.supervisor.signals import FORWARDED

REFRESH_S = 10.0
# Another host's lock is left over after this: attribute caches of NFS (60 s) and a paused machine stay far below.
STALE_S = 300.0
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # exFAT, some network and user-space file systems
# Whoever looks whether a file is held holds it for a moment himself.
HOLD_TRIES = 20
HOLD_AGAIN_S = 0.01


class IsHeld(Exception):
    """Somebody else has the lock. ``about``: what he wrote of himself; ``gone``: he is not there, his children are."""

    def __init__(self, about: About, *, gone: bool) -> None:
        super().__init__(about)
        self.about, self.gone = about, gone


class Lock:
    """A lock that is ours until it is closed. ``fd`` is for others to inherit who shall hold it, too.

    Raises:  IsHeld if somebody else is there, OSError where no file can be made.
    """

    def __init__(self, path: Path, about: About | None = None) -> None:
        self.path = path
        self._about = dict(about or {})
        self._token = secrets.token_hex(8)
        self._stop = threading.Event()
        self._take()
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        _hold(self.fd)
        self._refresher = threading.Thread(target=self._refresh, name="holter-lock", daemon=True)
        with contextlib.suppress(RuntimeError):  # no more threads for this user: other hosts may take it for left over
            self._refresher.start()

    def add(self, about: About) -> None:
        """Write more of ourselves: a line that is merged with those before it."""
        with contextlib.suppress(OSError):
            os.lseek(self.fd, 0, os.SEEK_END)
            os.write(self.fd, json.dumps(about).encode() + b"\n")

    def close(self) -> None:
        """Give it free; where processes that inherited it live on, they hold it until they end."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._refresher.ident is not None:
            self._refresher.join(REFRESH_S)
        os.close(self.fd)
        if read(self.path).get("token") == self._token and not is_held(self.path):
            self.path.unlink(missing_ok=True)

    def _take(self) -> None:
        while True:
            mine = self.path.with_name(f"{self.path.name}.{self._token}")
            mine.write_text(json.dumps(self._who()) + "\n", encoding="utf-8")
            try:
                self._link(mine)
                return
            except FileExistsError:
                self._refuse_unless_left_over(mine)
            finally:
                mine.unlink(missing_ok=True)

    def _link(self, mine: Path) -> None:
        try:
            os.link(mine, self.path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            with self.path.open("x", encoding="utf-8") as file:
                file.write(mine.read_text(encoding="utf-8"))

    def _refuse_unless_left_over(self, mine: Path) -> None:
        about = read(self.path)
        try:
            age_s = mine.stat().st_mtime - self.path.stat().st_mtime  # both by the file server's clock
        except FileNotFoundError:
            return  # it was given free just now
        gone = is_gone(about)
        if is_held(self.path) or gone is False or (gone is None and age_s <= STALE_S):
            raise IsHeld(about, gone=bool(gone))
        # Renamed before it is removed: of two that do so at once only one finds it.
        left = self.path.with_name(f"{self.path.name}.left-{self._token}")
        try:
            self.path.rename(left)
        except FileNotFoundError:
            return
        if read(left).get("token") != about.get("token"):  # somebody was quicker, and this is his new lock
            with contextlib.suppress(FileExistsError):
                os.link(left, self.path)
        left.unlink(missing_ok=True)

    def _who(self) -> dict[str, object]:
        pid = os.getpid()
        return {"host": here(), "pid": pid, "started": started(pid), "token": self._token, **self._about}

    def _refresh(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGCHLD})  # the main thread waits for them
        while not self._stop.wait(REFRESH_S):
            with contextlib.suppress(OSError):
                if read(self.path).get("token") == self._token:
                    os.utime(self.path)


def _hold(descriptor: int) -> None:
    for _ in range(HOLD_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(HOLD_AGAIN_S)
        except OSError:  # a file system without flock
            return
        else:
            return
