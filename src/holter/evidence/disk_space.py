"""Whether a file system has room for what the training writes, and whether a folder is still the same. Pure."""

from __future__ import annotations

import re
from typing import Literal

from holter.records import StorageSample

Lack = Literal["full", "inodes", "read-only"]

# Less than this holds no line of a log and no plot: the disk is full, whatever is still counted as free.
FULL_BYTES = 1 << 20
FULL_INODES = 1
# Beside a new checkpoint the log and the plot of the epoch are written.
BESIDE_BYTES = 4 << 20

# File systems that may give a folder another inode number while it stays the same: those that make them up.
NEW_INODES = re.compile(r"fuse|cifs|smb3|9p|overlay|vboxsf|prl_fs")


def is_same_device(one: StorageSample, other: StorageSample) -> bool:
    """Whether two looks at one path saw the same file system."""
    return _device(one) == _device(other)


def is_same_folder(one: StorageSample, other: StorageSample) -> bool:
    """Whether two looks at one path saw the same folder, as far as its file system tells."""
    tells_inodes = not any(NEW_INODES.match(sample.fs_type or "") for sample in (one, other))
    return one.identity == other.identity or (not tells_inodes and is_same_device(one, other))


def _device(sample: StorageSample) -> str:
    return (sample.identity or "").partition(":")[0]


def shortage(sample: StorageSample) -> Lack | None:
    """Why nothing can be written there; None if something can, or if that was not seen."""
    if sample.read_only:
        return "read-only"
    if sample.free_inodes is not None and sample.free_inodes < FULL_INODES:
        return "inodes"
    return "full" if sample.free_bytes is not None and sample.free_bytes < FULL_BYTES else None


def needed_bytes(sample: StorageSample) -> int:
    """What the next checkpoint needs, the one before it being kept until the new one is verified."""
    return FULL_BYTES if sample.checkpoint_bytes is None else sample.checkpoint_bytes + BESIDE_BYTES


def has_room(sample: StorageSample) -> bool | None:
    """Whether a checkpoint can be written there now; None if that was not seen."""
    if sample.free_bytes is None or sample.read_only is None or sample.problem is not None:
        return None
    return shortage(sample) is None and sample.free_bytes >= needed_bytes(sample)


def format_bytes(count: float) -> str:
    """A size as people write it: "12.3 GB", "48 MB", "512 kB"."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"


def describe_mount(sample: StorageSample) -> str:
    """Which file system it is: "nfs4 server:/export on /data"."""
    words = (sample.fs_type, sample.device, "on" if sample.mount_point else None, sample.mount_point)
    return " ".join(word for word in words if word)
