"""Free space for what the training writes, and whether a folder was replaced. Pure."""

from __future__ import annotations

from typing import Literal

from holter.patterns import later
from holter.records import StorageSample

Lack = Literal["full", "inodes", "read-only"]

# Below this no log line and no plot fits: the disk is full, whatever free space is counted.
FULL_BYTES = 1 << 20
FULL_INODES = 1
# The log and the plot of the epoch are written together with a new checkpoint.
BESIDE_BYTES = 4 << 20

# File systems that generate inode numbers, so the number of an unchanged folder may change.
NEW_INODES = later(r"fuse|cifs|smb3|9p|overlay|vboxsf|prl_fs")


def is_same_device(one: StorageSample, other: StorageSample) -> bool:
    """Return whether two samples of one path show the same file system."""
    return _device(one) == _device(other)


def is_same_folder(one: StorageSample, other: StorageSample) -> bool:
    """Return whether two samples of one path show the same folder.

    On file systems without stable inode numbers only the device is compared.
    """
    tells_inodes = not any(NEW_INODES.match(sample.fs_type or "") for sample in (one, other))
    return one.identity == other.identity or (not tells_inodes and is_same_device(one, other))


def _device(sample: StorageSample) -> str:
    return (sample.identity or "").partition(":")[0]


def shortage(sample: StorageSample) -> Lack | None:
    """Return why nothing can be written to this path; None if writing is possible, or if that is unknown."""
    if sample.read_only:
        return "read-only"
    if sample.free_inodes is not None and sample.free_inodes < FULL_INODES:
        return "inodes"
    return "full" if sample.free_bytes is not None and sample.free_bytes < FULL_BYTES else None


def needed_bytes(sample: StorageSample) -> int:
    """Return the free bytes that the next checkpoint needs; the previous one is kept until the new one is verified."""
    return FULL_BYTES if sample.checkpoint_bytes is None else sample.checkpoint_bytes + BESIDE_BYTES


def has_space(sample: StorageSample) -> bool | None:
    """Return whether there is space for a checkpoint on this path now; None if unknown."""
    if sample.free_bytes is None or sample.read_only is None or sample.problem is not None:
        return None
    return shortage(sample) is None and sample.free_bytes >= needed_bytes(sample)


def describe_mount(sample: StorageSample) -> str:
    """Return type, device and mount point of a file system: "nfs4 server:/export on /data"."""
    words = (sample.fs_type, sample.device, "on" if sample.mount_point else None, sample.mount_point)
    return " ".join(word for word in words if word)
