"""Read who holds a lock file, without taking it: what the holder wrote, and whether it still runs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from holter.linux.place import here
from holter.probes.process.process_files import started

# A lock names the process that took it, and possibly the training that goes on if that process is killed.
PROCESSES = (("pid", "started"), ("training", "training_started"))

About = Mapping[str, object]


class LockState(NamedTuple):
    """The state of a lock file as seen from this process, and what its holder wrote about itself (``about``).

    ``none``: no file. ``held``: the holder or its training runs. ``left-over``: both have ended. ``elsewhere``: the
    holder is on another host or in a container, so this process cannot see whether it lives.
    """

    state: Literal["none", "held", "left-over", "elsewhere"]
    about: About


def read_state(path: Path) -> LockState:
    """Return the state of the lock file at ``path``, without taking the lock."""
    if not path.exists():
        return LockState("none", {})
    about = read(path)
    gone = is_gone(about)
    if is_held(path) or gone is False:
        return LockState("held", about)
    return LockState("elsewhere" if gone is None else "left-over", about)


def read(path: Path) -> dict[str, object]:
    """Return everything that the holder wrote; empty if the file is not readable."""
    about: dict[str, object] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return about
    for line in lines:
        with contextlib.suppress(ValueError):
            fields = json.loads(line)
            about.update(fields if isinstance(fields, dict) else {})
    return about


def is_held(path: Path) -> bool:
    """Return whether another process holds ``path`` locked with ``flock``; False if the file cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def host_of(about: About) -> str:
    """Return the name of the holder's host."""
    return str(about.get("host")).partition(" ")[0]


def is_gone(about: About) -> bool | None:
    """Return whether the lock's holder and the training that it started have ended.

    None if this process cannot see that, for example because the holder is on another host.
    """
    if about.get("host") != here() or not isinstance(about.get("pid"), int):
        return None
    gone = [_has_ended(about.get(name), about.get(since)) for name, since in PROCESSES if name in about]
    return False if False in gone else None if None in gone else True


def _has_ended(pid: object, since: object) -> bool | None:
    if not isinstance(pid, int):
        return None
    now = started(pid)
    if now is not None:
        return now != since
    try:
        os.kill(pid, 0)
    except PermissionError:
        return None  # /proc hides the processes of others (hidepid)
    except (OSError, OverflowError):
        return True
    return True  # a zombie
