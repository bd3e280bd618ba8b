"""Kernel messages that matter for the run: OOM kills, GPU errors, broken hardware, dead mounts."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal, NamedTuple

from holter.patterns import later
from holter.probes import Reading
from holter.records import Event, KernelMessage, Noted

Kind = Literal["oom-kill", "xid", "mce", "io-error", "nfs", "segfault", "other"]

# A flood (a dying disk) must not delay the recorder; the rest is read next time.
_RECORDS_MAX = 500
_RECORD_BYTES = 8192  # the kernel never writes a longer one
# Records are stamped with the time since boot. If a record seems older than this, its clock is wrong
# (suspended or restored machines), and the time of the read is a better guess.
_AGE_MAX_S = 30.0

# The first match decides. ``pid`` is that of the process that was hit, if the line has it.
_SIGNS: tuple[tuple[Kind, str], ...] = (
    ("oom-kill", r"[Oo]ut of memory.*: Kill(?:ed)? process (?P<pid>\d+)"),
    ("xid", r"NVRM: Xid .*?\bpid='?(?P<pid>\d+)"),
    ("xid", r"NVRM: Xid |NVRM: .*fallen off the bus|NVRM: .*RmInitAdapter failed"),
    ("other", r"\bAER: .*(?:[Uu]ncorrect|[Ff]atal)"),  # an uncorrectable error of the PCI Express bus
    ("mce", r"\bmce: |\[Hardware Error\]|EDAC .*\b[CU]E\b|Machine check"),
    ("nfs", r"\bnfs: server .*(?:not responding|timed out|OK$)|NFS: .*(?:failed|error)|nfs4?_.*error"),
    ("nfs", r"CIFS.*(?:has not responded|timed out)|Lustre.*(?:was lost|timed out|evicted)|ceph.*(?:hung|lost)"),
    ("io-error", r"I/O error|critical (?:medium|target) error|(?:EXT4-fs|XFS|BTRFS).*\b(?:error|corrupt)"),
    ("io-error", r"nvme\d?.*(?:timeout|controller is down)|\bata\d+.*(?:failed command|exception Emask)"),
    ("segfault", r"\[(?P<pid>\d+)\]: segfault at |traps: .*\[(?P<pid2>\d+)\].*(?:general protection|trap )"),
    ("other", r"task \S+?:(?P<pid>\d+) blocked for more than|soft lockup|hung_task|page allocation failure"),
    ("other", r"cpu clock throttled|Marking clocksource .* as unstable|rcu.*self-detected stall"),
)  # fmt: skip
_PATTERNS = tuple((kind, later(sign)) for kind, sign in _SIGNS)


class Record(NamedTuple):
    """One line of the kernel log."""

    boot_s: float
    text: str


def parse_record(raw: bytes) -> Record | None:
    """Parse a record of ``/dev/kmsg``: ``3,1234,5140900,-;nfs: server a not responding``; other lines are ignored."""
    head, semicolon, rest = raw.decode(errors="replace").partition(";")
    words = head.split(",")
    if not semicolon or len(words) < 3 or not words[2].isdigit():
        return None
    return Record(int(words[2]) / 1e6, rest.split("\n", 1)[0])


def classify(text: str) -> tuple[Kind, int | None] | None:
    """Return the kind of a line and the PID that it hit; None for a line that does not matter for a training."""
    for kind, pattern in _PATTERNS:
        match = pattern.search(text)
        if match:
            pid = next((value for value in match.groupdict().values() if value), None)
            return kind, int(pid) if pid else None
    return None


class KernelLogProbe:
    """``KernelMessage`` events every second, from the creation of the probe on; usually there are none.

    If the log may not be read (containers, ``kernel.dmesg_restrict``), one note reports it.
    """

    name = "kernel-log"
    interval_s = 1.0

    def __init__(self, kmsg: Path = Path("/dev/kmsg")) -> None:
        self._refusal: str | None = None
        self._descriptor: int | None = None
        try:
            self._descriptor = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError as error:
            self.close()
            self._refusal = f"{kmsg}: {error.strerror}"

    def read(self, t_s: float) -> Reading:
        """Return the messages since the previous read that matter for the run."""
        if self._refusal is not None:
            note = Noted(t_s=t_s, what="kernel-log-unreadable", text=self._refusal)
            self._refusal = None
            return Reading(events=(note,))
        now_s = time.clock_gettime(time.CLOCK_MONOTONIC)
        events: list[Event] = []
        for record in self._records():
            classified = classify(record.text)
            if classified is not None:
                age_s = now_s - record.boot_s
                happened_s = t_s - age_s if 0 <= age_s <= _AGE_MAX_S else t_s
                events.append(KernelMessage(t_s=happened_s, what=classified[0], text=record.text, pid=classified[1]))
        return Reading(events=tuple(events))

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _records(self) -> list[Record]:
        records: list[Record] = []
        while self._descriptor is not None and len(records) < _RECORDS_MAX:
            try:
                raw = os.read(self._descriptor, _RECORD_BYTES)
            except BlockingIOError:
                break
            except BrokenPipeError:  # records were overwritten before we read them; continue with the next one
                continue
            if not raw:
                break
            record = parse_record(raw)
            if record is not None:
                records.append(record)
        return records
