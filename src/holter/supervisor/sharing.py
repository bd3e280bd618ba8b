"""Check whether this machine suits a way of passing tensors from data workers to the training."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from holter.causes.steps import SHM_SPACE_BYTES
from holter.records import Message
from holter.sentences import define

FEW_FILES = define(
    "sharing.few-files",
    "only {most} files may be open at a time, and each shared tensor takes one: ulimit -n {needed}",
)
UNUSABLE = define("sharing.shm-unusable", "{path} cannot be used ({error}), and tensors are handed over there")
LITTLE_ROOM = define(
    "sharing.little-room",
    "only {free:bytes} are free in {path}, where killed workers may leave tensors for a while; {needed:bytes} are safe "
    "(Docker: --shm-size)",
)
SHM = Path("/dev/shm")
# With file_descriptor each shared tensor takes one; nnU-Net has some dozens of tensors in transit.
DESCRIPTORS = 1024


def trouble_with(strategy: str, shm: Path = SHM) -> Message | None:
    """Return why torch's sharing strategy of this name does not suit the machine; None if it does."""
    if strategy == "file_descriptor":
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY and most < DESCRIPTORS:
            return FEW_FILES(most=most, needed=DESCRIPTORS)
        return None
    try:
        status = os.statvfs(shm)
    except OSError as error:
        return UNUSABLE(path=str(shm), error=error.strerror or str(error))
    free = status.f_bavail * status.f_frsize
    return LITTLE_ROOM(free=free, path=str(shm), needed=SHM_SPACE_BYTES) if free < SHM_SPACE_BYTES else None
