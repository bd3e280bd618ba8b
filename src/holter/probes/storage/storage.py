"""The file systems that the training reads and writes: kind, free space, and duration of a small read."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from holter.linux.mounts import Mount, mount_of, parse_mountinfo
from holter.linux.procfs import read_int, read_text
from holter.probes import Reading
from holter.records import StorageSample, Text
from holter.sentences import define

_CHILD = Path(__file__).with_name("storage_child.py")
_ANSWER_BYTES = 65536
_EVERY_S = 10.0
_AGAIN_S = 1.0  # a path that existed is not found: a second read shows whether it is gone
READER_ENDED = define("storage.reader-ended", "the reading process ended by itself (status {status})")
# Virtual disks report themselves as rotational whatever is below them.
_VIRTUAL_NAMES = ("vd", "xvd")
_VIRTUAL_VENDORS = ("QEMU", "Msft", "VMware", "VBOX", "Google", "Red Hat", "Virtuozz")


class _Answer(msgspec.Struct, frozen=True):
    real_path: str | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None
    free_inodes: int | None = None
    read_only: bool | None = None
    checkpoint_bytes: int | None = None
    read_latency_s: float | None = None
    missing: bool | None = None
    identity: str | None = None
    problem: Text | None = None


class _Reader:
    """One child for one path. No method waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._child: subprocess.Popen[bytes] | None = None
        self._partial = b""
        self.asked_s: float | None = None

    def take(self) -> _Answer | None:
        """Return the answer to the last question, or the end of the child, if it has come; else None."""
        child = self._child
        if child is None or child.stdout is None:
            return None
        with contextlib.suppress(BlockingIOError):
            self._partial += os.read(child.stdout.fileno(), _ANSWER_BYTES)
        line, newline, rest = self._partial.partition(b"\n")
        if newline:
            self._partial, self.asked_s = rest, None
            return msgspec.json.decode(line, type=_Answer)
        if child.poll() is not None:
            self.close()
            return _Answer(problem=READER_ENDED(status=child.returncode))
        return None

    def ask(self, t_s: float) -> None:
        """Ask the child for a read, unless it is still busy with the last one."""
        if self.asked_s is not None:
            return
        child = self._child = self._child or self._start()
        if child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(child.stdin.fileno(), b"?")
                self.asked_s = t_s

    def close(self) -> None:
        """Kill the child without waiting: one that hangs in the kernel does not die even when killed."""
        if self._child is not None:
            self._child.kill()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    pipe.close()
            self._child.poll()
        self._child, self._partial, self.asked_s = None, b"", None

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-S", "-E", str(_CHILD), str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",  # its own folder could be on the mount that hangs
            bufsize=0,
        )
        if child.stdout is not None:
            os.set_blocking(child.stdout.fileno(), False)
        return child


class StorageProbe:
    """One ``StorageSample`` for each labelled path every ten seconds; ``read`` never blocks.

    A read is requested in one tick and answered in the next. While there is no answer, ``probe_pending_s`` is the time
    since the request. Kind and place of a mount come from the mount table, which a dead server cannot block.
    """

    name = "storage"
    interval_s = _EVERY_S

    def __init__(self, paths: Mapping[str, Path], proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> None:
        self._paths = {label: Path(path).absolute() for label, path in paths.items()}
        self._proc, self._sys = proc, sys
        self._readers = {label: _Reader(path) for label, path in self._paths.items()}
        self._real: dict[str, str] = {}
        self._missing: dict[str, bool] = {}  # by the last answer

    def read(self, t_s: float) -> Reading:
        """Return the answers that have come, and request the next read."""
        mounts = parse_mountinfo(read_text(self._proc / "self/mountinfo"))
        samples = tuple(self._sample(label, mounts, t_s) for label in self._paths)
        answers = {sample.label: sample.missing for sample in samples if sample.missing is not None}
        is_new = any(missing and self._missing.get(label) is False for label, missing in answers.items())
        self.interval_s = _AGAIN_S if is_new else _EVERY_S
        self._missing.update(answers)
        return Reading(samples)

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()

    def _sample(self, label: str, mounts: Sequence[Mount], t_s: float) -> StorageSample:
        reader = self._readers[label]
        answer = reader.take() or _Answer()
        if answer.real_path is not None:
            self._real[label] = answer.real_path
        asked_s = reader.asked_s
        reader.ask(t_s)
        mount = mount_of(self._real.get(label, str(self._paths[label])), mounts)
        return StorageSample(
            t_s=t_s,
            label=label,
            path=str(self._paths[label]),
            mount_point=mount.mount_point if mount else None,
            fs_type=mount.fs_type if mount else None,
            device=mount.source if mount else None,
            rotational=is_rotational(mount, self._sys) if mount else None,
            free_bytes=answer.free_bytes,
            total_bytes=answer.total_bytes,
            free_inodes=answer.free_inodes,
            read_only=answer.read_only,
            checkpoint_bytes=answer.checkpoint_bytes,
            read_latency_s=answer.read_latency_s,
            probe_pending_s=None if asked_s is None else t_s - asked_s,
            missing=answer.missing,
            identity=answer.identity,
            problem=answer.problem,
        )


def is_rotational(mount: Mount, sys: Path = Path("/sys")) -> bool | None:
    """Return whether the disk of a mount spins; None if unknown, as for network file systems and virtual disks."""
    number = mount.device
    if number.startswith("0:"):  # btrfs and others invent a number; the device behind them has a real one
        number = _device_number(mount.source) or number
    folder = sys / "dev/block" / number
    if not folder.exists():
        return None
    real = folder.resolve()
    for place in (real, real.parent):  # a partition has no queue, its disk has
        value = read_int(place / "queue/rotational")
        if value is not None:
            vendor = (read_text(place / "device/vendor") or "").strip()
            virtual = place.name.startswith(_VIRTUAL_NAMES) or vendor in _VIRTUAL_VENDORS
            return None if value and virtual else bool(value)
    return None


def _device_number(source: str) -> str | None:
    if not source.startswith("/dev/"):
        return None
    try:
        status = Path(source).stat()
    except OSError:
        return None
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" if stat.S_ISBLK(status.st_mode) else None
