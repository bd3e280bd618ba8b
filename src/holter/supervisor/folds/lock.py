"""A lock file that survives crashes and works between hosts over NFS.

The file's existence is the lock, created by an atomic ``link``, because ``flock`` does not reach other hosts on every
NFS. The file is also held by ``flock``, by Holter and by every process that inherits its descriptor. A lock that no
process holds and that is not refreshed is stale and is taken over.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import threading
import time
from pathlib import Path

from holter.linux.place import here
from holter.linux.signals import start_without_signals
from holter.probes.process.process_files import started
from holter.supervisor.folds.lock_state import About, is_gone, is_held, read
from holter.supervisor.folds.unchanged import Unchanged

REFRESH_S = 10.0
# Another host's lock is stale after this: attribute caches of NFS (60 s) and a paused machine stay far below.
STALE_S = 300.0
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # exFAT, some network and user-space file systems
# A process that checks whether a file is held holds it for a moment itself.
HOLD_TRIES = 20
HOLD_AGAIN_S = 0.01


class IsHeld(Exception):
    """Another process holds the lock.

    ``about``: what the holder wrote about itself into the lock file. ``gone``: the holder has ended, but processes that
    it started still run and hold the lock; None: it is on another host or in a container, and cannot be seen from here.
    ``silent_s``: for how long it has not refreshed the lock. ``is_heard``: it was refreshed while this process looked.
    """

    def __init__(self, about: About, *, gone: bool | None, silent_s: float = 0.0, is_heard: bool = False) -> None:
        super().__init__(about)
        self.about, self.gone, self.silent_s, self.is_heard = about, gone, silent_s, is_heard


class Lock:
    """A lock that is held until ``close``. Processes that inherit ``fd`` hold it too.

    ``silence``: remembers since when the file has not changed. A caller that tries several times passes the same object
    each time: a file that has not changed for STALE_S is then stale, whatever the clocks say. None: the age of the file
    decides.

    Raises:  IsHeld if another process has it, OSError if no file can be created.
    """

    def __init__(self, path: Path, about: About | None = None, silence: Unchanged | None = None) -> None:
        self.path = path
        self._silence = silence or Unchanged()
        self._about = dict(about or {})
        self._token = secrets.token_hex(8)
        # The new holder, if another host took the lock while this process was stopped for long (a suspended job).
        self.taken_by: About | None = None
        self._stop = threading.Event()
        self._take()
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        _hold(self.fd)
        self._refresher = threading.Thread(target=self._refresh, name="holter-lock", daemon=True)
        with contextlib.suppress(RuntimeError):  # no more threads for this user: other hosts may see the lock as stale
            start_without_signals(self._refresher)

    def add(self, about: About) -> None:
        """Add facts about the holder to the file, as one more line; readers merge the lines."""
        with contextlib.suppress(OSError):
            os.lseek(self.fd, 0, os.SEEK_END)
            os.write(self.fd, json.dumps(about).encode() + b"\n")

    def close(self) -> None:
        """Release the lock; processes that inherited it hold it until they end."""
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
            own_file = self.path.with_name(f"{self.path.name}.{self._token}")
            own_file.write_text(json.dumps(self._who()) + "\n", encoding="utf-8")
            try:
                self._link(own_file)
                return
            except FileExistsError:
                self._refuse_unless_left_over(own_file)
            finally:
                own_file.unlink(missing_ok=True)

    def _link(self, own_file: Path) -> None:
        try:
            os.link(own_file, self.path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            with self.path.open("x", encoding="utf-8") as file:
                file.write(own_file.read_text(encoding="utf-8"))

    def _refuse_unless_left_over(self, own_file: Path) -> None:
        about = read(self.path)
        try:
            touched_s = self.path.stat().st_mtime
            age_s = own_file.stat().st_mtime - touched_s  # both by the file server's clock
        except FileNotFoundError:
            return  # it was released just now
        gone = is_gone(about)
        # A time in the future, after a jump of the clock, is no proof of life: only a change is.
        silent_s = max(age_s, self._silence.for_s((about.get("token"), touched_s)))
        if is_held(self.path) or gone is False or (gone is None and silent_s <= STALE_S):
            raise IsHeld(about, gone=gone, silent_s=silent_s, is_heard=self._silence.has_changed)
        # Renamed before it is removed: if two processes do so at once, only one succeeds.
        left = self.path.with_name(f"{self.path.name}.left-{self._token}")
        try:
            self.path.rename(left)
        except FileNotFoundError:
            return
        if read(left).get("token") != about.get("token"):  # another process was faster, and this is its new lock
            with contextlib.suppress(FileExistsError):
                os.link(left, self.path)
        left.unlink(missing_ok=True)

    def _who(self) -> dict[str, object]:
        pid = os.getpid()
        return {"host": here(), "pid": pid, "started": started(pid), "token": self._token, **self._about}

    def _refresh(self) -> None:
        while not self._stop.wait(REFRESH_S):
            with contextlib.suppress(OSError):
                about = read(self.path)
                if about.get("token") == self._token:
                    os.utime(self.path)
                elif about.get("token") is not None:
                    self.taken_by = about


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
