"""Scratch folders of killed Holters, removed by the next Holter of the same user.

A folder is removed only if its Holter ran where its processes are visible (this host, boot and PID namespace), no
process holds its lock, and no process of its training lives: a training that goes on without its Holter still writes
there, and ``holter attach`` takes the folder over.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from holter.hook import page
from holter.linux.place import here, same_machine_before_a_restart
from holter.linux.procfs import list_numbers
from holter.patterns import later
from holter.probes.process.process_files import started
from holter.supervisor.recording.scratch import LOCK_NAME, NAME, remove

BEAT = later(r"beat-(\d+)")
VARIABLE = b"HOLTER_SCRATCH="
# For folders of another boot: several hosts could share one name and one temporary folder.
OTHER_BOOT_AFTER_S = 86_400.0
# Each folder needs a descriptor for a moment; the next Holter removes the others.
MOST_AT_ONCE = 200


def collect_in_background() -> None:
    """Run ``collect`` in a thread, because a disk may be slow. The thread blocks the same signals as the caller."""
    with suppress(RuntimeError):  # no more threads for this user
        threading.Thread(target=collect, name="holter-leftovers", daemon=True).start()


def collect(folder: Path | None = None) -> tuple[Path, ...]:
    """Remove scratch folders that no process uses; return the removed ones.

    ``folder``: where to look for them; None: in the temporary folder.

    All processes of the machine are read twice, whatever the number of folders.
    """
    removed: list[Path] = []
    with suppress(OSError), ExitStack() as locks:
        paths = [Path(entry.path) for entry in list(os.scandir(tempfile.gettempdir() if folder is None else folder))]
        left = [path for path in paths if NAME.fullmatch(path.name) and _is_ours(path) and _can_be_judged(path)]
        given = _given_names() if left else frozenset()
        held = [path for path in left[:MOST_AT_ONCE] if not _is_used(path, given) and _lock(path, locks)]
        # A folder may have been taken over, by a Holter that was then killed, in the meantime.
        given = _given_names() if held else frozenset()
        for path in held:
            if _can_be_judged(path) and not _is_used(path, given):
                remove(path)
                removed += [] if path.exists() else [path]
    return tuple(removed)


def _is_ours(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _lock(folder: Path, locks: ExitStack) -> bool:
    # Held until ``locks`` are closed; False if it is held by another process or cannot be opened.
    try:
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        locks.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks
        return False
    return True


def _can_be_judged(folder: Path) -> bool:
    # True if a process that uses the folder would be visible from here.
    lock = folder / LOCK_NAME
    try:
        place = json.loads(lock.read_text(encoding="utf-8")).get("place")
        age_s = time.time() - lock.stat().st_mtime
    except (OSError, ValueError, AttributeError):
        return False
    if place == here():
        return True
    return isinstance(place, str) and same_machine_before_a_restart(place) and age_s > OTHER_BOOT_AFTER_S


def _is_used(folder: Path, given: frozenset[bytes]) -> bool:
    # A process of the training lives: one that wrote a page, or that has the folder in its environment.
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            beat = BEAT.fullmatch(entry.name)
            if beat is not None and _lives(int(beat[1]), Path(entry.path)):
                return True
    return os.fsencode(folder.name) in given


def _given_names() -> frozenset[bytes]:
    names = (_scratch_name(pid) for pid in list_numbers("/proc") or ())
    return frozenset(name for name in names if name is not None)


def _lives(pid: int, file: Path) -> bool:
    # A torn page has no start time, so any process with its PID counts.
    began = started(pid)
    if began is None:
        return False
    seen = page.decode(file.read_bytes())
    return seen is None or seen.started_ticks == began


def _scratch_name(pid: int) -> bytes | None:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None  # another user's, or gone
    assignment = next((variable for variable in variables if variable.startswith(VARIABLE)), None)
    return None if assignment is None else os.path.basename(assignment.removeprefix(VARIABLE))  # noqa: PTH119 - bytes
