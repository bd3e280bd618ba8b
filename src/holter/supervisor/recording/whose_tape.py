"""Find the tape of a training that another Holter records: by its lock, then by the files that Holter has open."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from holter.linux.procfs import read_text
from holter.probes.machine.environment import process_environ
from holter.supervisor.recording.scratch import LOCK_NAME, folder_of_process


def tape_of(pid: int, proc: Path = Path("/proc")) -> Path | None:
    """Return the tape that a process's training is recorded on now; None if nobody records it, or another user does."""
    for folder in _scratches(pid):
        recorder = _recorder(folder / LOCK_NAME)
        if recorder is None:
            continue
        for writer in (recorder, *_children(proc / str(recorder))):
            for target in _open_files(proc / str(writer) / "fd"):
                if target.suffix == ".holter" and target.is_file():
                    return target
    return None


def is_recorded(folder: Path) -> bool:
    """Return whether a recorder of this machine holds the lock of this scratch folder now."""
    return _recorder(folder / LOCK_NAME) is not None


def _scratches(pid: int) -> Iterator[Path]:
    folder = process_environ(pid).get("HOLTER_SCRATCH")
    if folder:
        yield Path(folder)
    yield folder_of_process(pid)


def _recorder(lock: Path) -> int | None:
    # The PID in a lock that is held; a recorder that was killed leaves its lock file behind.
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(ValueError, KeyError, OSError):
            return int(json.loads(os.pread(descriptor, 1 << 12, 0))["pid"])
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _children(process: Path) -> list[int]:
    # A tape on a file server is written by a child. Empty if the kernel keeps no list of them.
    files = process.glob("task/*/children")
    return [int(pid) for file in files for pid in (read_text(file) or "").split()]


def _open_files(folder: Path) -> Iterator[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        with contextlib.suppress(OSError):
            yield entry.readlink()
