"""Whether this machine suits a way of handing tensors over from data workers to the training."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from holter.records import Message
from holter.remedies.steps import SHM_ROOM_BYTES
from holter.sentences import define

SHM = Path("/dev/shm")
# With file_descriptor each shared tensor costs one; nnU-Net keeps some dozens of tensors under way.
DESCRIPTORS = 1024

FEW_DESCRIPTORS = define(
    "sharing.few-descriptors",
    "only {most} files may be open at a time, and each shared tensor takes one: ulimit -n {enough}",
)
NO_SHM = define("sharing.no-shm", "{folder} cannot be used ({error}), and tensors are handed over there")
LITTLE_SHM = define(
    "sharing.little-shm",
    "only {free_mib} MiB are free in {folder}, where killed workers may leave tensors for a while; "
    "{safe_mib} MiB are safe (Docker: --shm-size)",
)


def trouble_with(strategy: str, shm: Path = SHM) -> Message | None:
    """What speaks against ``file_system`` or ``file_descriptor`` here; None where nothing does."""
    if strategy == "file_descriptor":
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY and most < DESCRIPTORS:
            return FEW_DESCRIPTORS(most=most, enough=DESCRIPTORS)
        return None
    try:
        found = os.statvfs(shm)
    except OSError as error:
        return NO_SHM(folder=str(shm), error=error.strerror or str(error))
    free = found.f_bavail * found.f_frsize
    if free < SHM_ROOM_BYTES:
        return LITTLE_SHM(free_mib=free >> 20, folder=str(shm), safe_mib=SHM_ROOM_BYTES >> 20)
    return None
