"""Scratch folders that killed Holters left behind, removed by the next Holter of the same user.

A folder goes only if its Holter ran where we can see its processes (this host, this boot, this PID namespace), nobody
holds its lock, and no process of its training lives: a training that goes on without its Holter still writes there, and
``holter attach`` takes it over.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from holter.hook import page
from holter.linux.procfs import list_numbers, read_text
from holter.probes.process.process_files import parse_stat
from holter.supervisor.folds.place import here, same_machine_before_a_restart
from holter.supervisor.recording.scratch import LOCK_NAME, remove

NAME = re.compile(r"holter-(look-)?[a-z0-9_]{8}|holter-attach-\d+-(?:.+-)?\d+")
BEAT = re.compile(r"beat-(\d+)")
VARIABLE = b"HOLTER_SCRATCH="
# Of another boot: hosts with one name and one temporary folder for all of them are not known to exist, but could.
OTHER_BOOT_AFTER_S = 86_400.0
# Each is a descriptor for a moment; the next Holter takes the others.
MOST_AT_ONCE = 200


def collect_in_background() -> None:
    """Remove them beside the recorder: a slow disk must hold up nobody. Signals are blocked as they are here."""
    with suppress(RuntimeError):  # no more threads for this user
        threading.Thread(target=collect, name="holter-leftovers", daemon=True).start()


def collect(folder: Path | None = None) -> tuple[Path, ...]:
    """Remove what nobody uses below ``folder`` (the temporary one); returns what was removed.

    All processes of the machine are looked through twice, however many folders there are.
    """
    removed: list[Path] = []
    with suppress(OSError), ExitStack() as locks:
        paths = [Path(entry.path) for entry in list(os.scandir(tempfile.gettempdir() if folder is None else folder))]
        left = [path for path in paths if NAME.fullmatch(path.name) and _is_ours(path) and _can_be_judged(path)]
        given = _given_names() if left else frozenset()
        held = [path for path in left[:MOST_AT_ONCE] if not _is_used(path, given) and _lock(path, locks)]
        # Somebody may have taken one over, and been killed, since we looked.
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
    """Hold the lock of a folder until ``locks`` are closed; False if somebody has it, or it cannot be had."""
    try:
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        locks.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks
        return False
    return True


def _can_be_judged(folder: Path) -> bool:
    """Whether a process that uses the folder would be seen from here."""
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
    """Whether a process of the training lives: one that wrote a page, or that was given the folder."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            beat = BEAT.fullmatch(entry.name)
            if beat is not None and _lives(int(beat[1]), Path(entry.path)):
                return True
    return os.fsencode(folder.name) in given


def _given_names() -> frozenset[bytes]:
    """Names of the scratch folders that processes of this machine were given."""
    names = (_scratch_name(pid) for pid in list_numbers("/proc") or ())
    return frozenset(name for name in names if name is not None)


def _lives(pid: int, file: Path) -> bool:
    """Whether the process that wrote this page is still there; a torn page speaks for whoever has its PID."""
    process = parse_stat(read_text(f"/proc/{pid}/stat"))
    if process is None or process.state in "ZX":
        return False
    seen = page.decode(file.read_bytes())
    return seen is None or seen.started_ticks == process.started_ticks


def _scratch_name(pid: int) -> bytes | None:
    """Name of the scratch folder that a process was started with."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None  # another user's, or gone
    found = next((one for one in variables if one.startswith(VARIABLE)), None)
    return None if found is None else os.path.basename(found.removeprefix(VARIABLE))  # noqa: PTH119 - bytes
