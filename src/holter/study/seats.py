"""One training a GPU or slice, whichever queue of this user starts it: a lock for each device of this machine.

A training that was just started holds no memory on its GPU yet, so another queue cannot see it there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable, MutableMapping
from pathlib import Path

from holter.errors import FolderNotWritable
from holter.records import Message
from holter.sentences import define
from holter.study.queue import Slot
from holter.supervisor.state_folder import make_private

FOLDER = "gpus"
SEAT = "HOLTER_STUDY_SEAT"  # the descriptor of the lock, for `holter train`
TAKEN = define(
    "study.gpu-of-another-queue",
    "another holter study of yours trains on GPU {index}; a training starts there when that one has ended",
)


class Seats:
    """Locks of devices. A lock is held by this queue until ``given``, and then by the training that inherits it."""

    def __init__(self, state: Path, tell: Callable[[Message], None]) -> None:
        """``state``: the folder of this user's files of Holter. ``tell``: hears once of each device that is taken."""
        self._folder, self._tell = state / FOLDER, tell
        self._own: dict[str, int] = {}
        self._named: set[str] = set()

    def take(self, slot: Slot) -> bool:
        """Lock the slot's device; return False if another queue or its training holds it. A CPU needs no lock."""
        if slot.device is None or slot.name in self._own:
            return True
        try:
            make_private(self._folder.parent)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._folder / _name_of(slot), os.O_RDWR | os.O_CREAT, 0o600)
        except (OSError, FolderNotWritable):
            return True  # nothing can be locked here
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if slot.device not in self._named:
                self._named.add(slot.device)
                self._tell(TAKEN(index=slot.device))
            return False
        except OSError:  # a file system without flock
            os.close(descriptor)
            return True
        self._named.discard(slot.device)
        self._own[slot.name] = descriptor
        return True

    def to_inherit(self, slot: Slot) -> tuple[int, ...]:
        """Return the descriptor that a training in this slot must inherit."""
        return (self._own[slot.name],) if slot.name in self._own else ()

    def given(self, slot: Slot) -> None:
        """Let go of a lock: its training holds it, or none was started."""
        with contextlib.suppress(KeyError):
            os.close(self._own.pop(slot.name))


def _name_of(slot: Slot) -> str:
    # A UUID is the same in every container, and of no other device. An index is one of this host, or of its job: the
    # home may be shared by several machines, and in a job of Slurm the GPUs are counted from 0.
    index = (socket.gethostname(), os.environ.get("SLURM_JOB_ID"), str(slot.gpu))
    # Drivers before 470 name a slice MIG-GPU-UUID/1/0.
    return (slot.mig or slot.uuid or "-".join(filter(None, index))).replace("/", "_")


def inherited(environ: MutableMapping[str, str]) -> tuple[int, ...]:
    """Return the lock that this process has inherited, for the training that it starts; forget it in ``environ``."""
    try:
        descriptor = int(environ.pop(SEAT, ""))
        is_lock = Path(f"/proc/self/fd/{descriptor}").readlink().parent.name == FOLDER
    except (ValueError, OSError):
        return ()
    return (descriptor,) if is_lock else ()
