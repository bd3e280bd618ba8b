"""Read one folder: free space, a test write, and the read speed. Run as a module of its own.

``python -m holter.doctor.collect.disk_child PATH SECONDS``: any of these calls may hang on a dead mount, and then only
this process hangs. The test file has no name in the folder, or is removed at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from holter.probes.storage.storage_child import files_below, mount_points, time_one_read

READS_MAX = 200
STREAM_BYTES = 8 << 20  # one piece of a sequential read
STREAM_MAX_BYTES = 256 << 20
# Faster than any disk: the read came from memory. An NVMe needs 50 to 100 microseconds.
MEMORY_S = 15e-6
TRY_BYTES = 4096
MANY = 20
IMAGES = (".b2nd", ".npy", ".npz")


def tell(**facts: Any) -> None:
    """Print one line of facts at once: the next call may hang."""
    print(json.dumps(facts), flush=True)


def nearest(path: Path) -> Path:
    """Return the folder itself, or its nearest existing parent."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def space(path: Path) -> dict[str, Any]:
    """Return space, inodes and mount options."""
    status = os.statvfs(path)
    return {
        "free_bytes": status.f_bavail * status.f_frsize,
        "total_bytes": status.f_blocks * status.f_frsize,
        "free_inodes": status.f_favail if status.f_files else None,
        "read_only": bool(status.f_flag & os.ST_RDONLY),
        "no_exec": bool(status.f_flag & os.ST_NOEXEC),
        "readable": os.access(path, os.R_OK | os.X_OK),
    }


def try_to_write(path: Path) -> dict[str, Any]:
    """Return whether a small file can be written and synced, and how far the server's clock differs from this one.

    Only a real write shows whether a quota is used up.
    """
    before = time.time()
    try:
        descriptor, name = _fresh(path)
    except OSError as error:
        return {"written": False, "write_error": error.strerror}
    try:
        os.write(descriptor, b"\0" * TRY_BYTES)
        os.fsync(descriptor)
        changed = os.fstat(descriptor).st_mtime
    except OSError as error:
        return {"written": False, "write_error": error.strerror}
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        if name is not None:
            with contextlib.suppress(OSError):
                name.unlink()
    after = time.time()
    skew = changed - after if changed > after else min(0.0, changed - before)
    return {"written": True, "clock_skew_s": skew}


def _fresh(path: Path) -> tuple[int, Path | None]:
    with contextlib.suppress(OSError):  # not supported on NFS, FUSE and others
        return os.open(path, os.O_TMPFILE | os.O_WRONLY, 0o600), None
    name = path / f".holter-doctor-{os.getpid()}-{random.randrange(1 << 30)}"
    return os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), name


def _images(files: list[str]) -> list[str]:
    # The files that a training reads all the time; other files only if there are none of those.
    return [file for file in files if file.endswith(IMAGES)] or files


def read_times(files: list[str], until: float) -> list[float]:
    """Return the seconds of small random reads that the page cache cannot serve."""
    took = []
    for _ in range(READS_MAX):
        if time.monotonic() > until:
            break
        with contextlib.suppress(OSError, ValueError):
            took_s = time_one_read(random.choice(files))
            took += [took_s] if took_s is not None else []
    return took


def stream(files: list[str], until: float) -> float | None:
    """Return bytes per second of whole files in sequence, after dropping their cached pages; None if none was read."""
    count, began = 0, time.perf_counter()
    for file in random.sample(files, len(files)):
        with contextlib.suppress(OSError):
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                while piece := os.read(descriptor, STREAM_BYTES):
                    count += len(piece)
                    if time.monotonic() > until or count >= STREAM_MAX_BYTES:
                        return count / (time.perf_counter() - began)
            finally:
                os.close(descriptor)
    return count / (time.perf_counter() - began) if count else None


def main() -> None:
    """Print free space, then the test write, then the reads: earlier lines are kept if a later call hangs."""
    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    tell()  # it has begun; from here on any call may hang
    try:
        place = nearest(path)
        tell(exists=place == path, real_path=os.path.realpath(place))
        tell(**space(place))
        tell(**try_to_write(place))
        if seconds <= 0:
            return
        files = _images(files_below(str(place), mount_points() - {str(place)}))
        until = time.monotonic() + seconds / 2
        took = read_times(files, until) if files else []
        if took:
            p95 = statistics.quantiles(took, n=MANY)[-1] if len(took) >= MANY else max(took)
            median = statistics.median(took)
            tell(reads=len(took), read_latency_s=median, read_latency_p95_s=p95, cached=median < MEMORY_S)
            tell(read_bytes_per_s=stream(files, until + seconds / 2))
    except OSError as error:
        tell(problem=f"{type(error).__name__}: {error.strerror or error}")


if __name__ == "__main__":
    main()
