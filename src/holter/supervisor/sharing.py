"""Whether this machine suits a way of handing tensors over from data workers to the training."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from holter.causes.steps import SHM_ROOM_BYTES

SHM = Path("/dev/shm")
# With file_descriptor each shared tensor costs one; nnU-Net keeps some dozens of tensors under way.
DESCRIPTORS = 1024


def trouble_with(strategy: str, shm: Path = SHM) -> str | None:
    """What speaks against ``file_system`` or ``file_descriptor`` here; None where nothing does."""
    if strategy == "file_descriptor":
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY and most < DESCRIPTORS:
            return f"only {most} files may be open at a time, and each shared tensor takes one: ulimit -n {DESCRIPTORS}"
        return None
    try:
        found = os.statvfs(shm)
    except OSError as error:
        return f"{shm} cannot be used ({error.strerror}), and tensors are handed over there"
    free = found.f_bavail * found.f_frsize
    if free < SHM_ROOM_BYTES:
        return (
            f"only {free >> 20} MiB are free in {shm}, where killed workers may leave tensors for a while; "
            f"{SHM_ROOM_BYTES >> 20} MiB are safe (Docker: --shm-size)"
        )
    return None
