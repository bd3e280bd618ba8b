"""The heartbeat page: 4096 bytes of shared memory that a process writes and a recorder in another process reads.

Each region begins and ends with the same counter. The writer packs a region front to back in one call. A reader
takes two copies of the page and accepts a region if both copies are equal and its two counters agree, so it never
accepts a half-written region. Times are CLOCK_MONOTONIC seconds; NaN and -1 mean "unknown" here and become None in
``Seen``.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import struct
import zlib
from time import monotonic
from typing import NamedTuple

MAGIC = b"HOLTBEAT"
VERSION = 1
SIZE = 4096
ROLES = (
    "main", "train-worker", "val-worker", "export-worker", "resource-tracker", "compile-worker", "other",
    "pool-worker",
)  # fmt: skip
PHASES = (
    "startup", "unpack", "compile", "train", "validate", "checkpoint", "final-validation", "shutdown", "unknown",
    "epoch-end", "predict", "preprocess",
)  # fmt: skip
WAITS = ("none", "train-batch", "val-batch", "export-slot", "export-result")
UNKNOWN = -1
NAN = math.nan

# seq, magic, version, pid, generation, fault signal, fatal file, ptracer, start time of the process (ticks), seq
HEAD = struct.Struct("<Q8sHiiiBBQQ")
# seq, role, phase, waits, worker index, epoch, iteration, progress, progressed, wait start, last data wait,
# last compute, total data wait, total compute, steps, seq
STATE = struct.Struct("<QBBBxiiiqddddddqQ")
# seq, waits, wait start, seq: newer than STATE during a wait for a batch, which saves writing all of STATE
WAIT = struct.Struct("<QBxxxxxxxdQ")
# seq, case start, bytes of the name, name, seq
CASE = struct.Struct("<QdH182sQ")
CASE_BYTES = 182
# seq, pulse, worker queue, its size, ready queue, its size, seq
PULSE = struct.Struct("<QdiiiiQ")
# length and CRC of the JSON that follows
INFO = struct.Struct("<II")
HEAD_AT, STATE_AT, WAIT_AT, CASE_AT, PULSE_AT, INFO_AT = 0, 64, 192, 256, 512, 1024
INFO_BYTES = 3000
# Phases in which each batch counts as an iteration of the epoch: compile, train, validate.
FIRST_IN_EPOCH, LAST_IN_EPOCH = PHASES.index("compile"), PHASES.index("validate")


class Page:
    """The writing side. The attributes are the state; ``write_*`` publishes one region. Works without a file.

    Caches are cold after a step, so the cost is the memory touched: hence slots, few calls, few bytes.
    """

    __slots__ = (
        "_map", "_pulse_seq", "_seq", "batch_at", "case", "case_began", "compute", "compute_total", "data_wait",
        "data_wait_total", "epoch", "fatal_file", "fault_signal", "generation", "iteration", "phase", "pid",
        "progress_total", "progressed", "ptracer", "pulse", "queues", "role", "steps_total", "wait_began", "waits",
        "worker_index",
    )  # fmt: skip

    def __init__(self) -> None:
        self._map: mmap.mmap | None = None
        self._seq = 0
        self._pulse_seq = 0  # separate counter: the pulse is written by another thread
        self.batch_at: float | None = None  # when the current batch was received; None between steps
        self.pid = os.getpid()
        self.generation = 0
        self.fault_signal = 0
        self.fatal_file = False
        self.ptracer = False
        self.role = ROLES.index("other")
        self.phase = PHASES.index("unknown")
        self.waits = 0
        self.worker_index = self.epoch = self.iteration = UNKNOWN
        self.progress_total = self.steps_total = 0
        self.progressed = self.wait_began = self.data_wait = self.compute = NAN
        self.data_wait_total = self.compute_total = 0.0
        self.case = ""
        self.case_began = NAN
        self.pulse = NAN
        self.queues = (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)

    def open(self, path: str) -> None:
        """Create the file and publish. Its blocks are reserved first: a full disk must fail here, not as SIGBUS.

        A program that replaces itself (``os.execv``), or an ended process with this PID, may have left its page there.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
            self._map = mmap.mmap(descriptor, SIZE)
        finally:
            os.close(descriptor)
        self.write_state()
        self.write_case()
        self.write_pulse()
        self.write_head()

    def drop(self) -> None:
        """Stop writing to the file (a forked child must not write to its parent's page)."""
        self._map = None

    def write_head(self) -> None:
        """Publish the identity of this process."""
        if self._map is not None:
            self._seq = seq = self._seq + 1
            HEAD.pack_into(
                self._map, HEAD_AT, seq, MAGIC, VERSION, self.pid, self.generation, self.fault_signal,
                self.fatal_file, self.ptracer, start_ticks(), seq,
            )  # fmt: skip

    def write_state(self) -> None:
        """Publish role, phase, epoch, iteration, wait and totals."""
        if self._map is not None:
            self._seq = seq = self._seq + 1
            STATE.pack_into(
                self._map, STATE_AT, seq, self.role, self.phase, self.waits, self.worker_index, self.epoch,
                self.iteration, self.progress_total, self.progressed, self.wait_began, self.data_wait, self.compute,
                self.data_wait_total, self.compute_total, self.steps_total, seq,
            )  # fmt: skip

    def begin_wait(self, kind: int, *, publish: bool = True) -> None:
        """Record that the trainer has requested a batch; end the previous step if the trainer has not ended it.

        ``kind``: TRAIN or VAL, the loader that is waited for. ``publish``: write it to the shared page at once.
        """
        self.wait_began = now = monotonic()
        self.waits = kind
        if self.batch_at is not None:
            self.compute = now - self.batch_at
            self.compute_total += self.compute
            self.batch_at = None
        if publish and self._map is not None:
            self._seq = seq = self._seq + 1
            WAIT.pack_into(self._map, WAIT_AT, seq, kind, now, seq)

    def end_wait(self) -> None:
        """Record that the batch has arrived, and publish the state."""
        self.progressed = self.batch_at = now = monotonic()
        self.data_wait = now - self.wait_began
        self.data_wait_total += self.data_wait
        self.waits = 0
        self.wait_began = NAN
        self.steps_total += 1
        self.progress_total += 1
        if FIRST_IN_EPOCH <= self.phase <= LAST_IN_EPOCH:
            self.iteration += 1
        self.write_state()

    def end_step(self) -> None:
        """Record that the step is finished. It is written to the page with the next wait: one write less."""
        if self.batch_at is not None:
            self.compute = monotonic() - self.batch_at
            self.compute_total += self.compute
            self.batch_at = None

    def write_case(self) -> None:
        if self._map is not None:
            self._seq = seq = self._seq + 1
            name = self.case.encode("utf-8", "replace")[:CASE_BYTES]
            CASE.pack_into(self._map, CASE_AT, seq, self.case_began, len(name), name, seq)

    def write_pulse(self) -> None:
        """Publish the time of the last pulse and the lengths of the queues."""
        if self._map is not None:
            self._pulse_seq = seq = self._pulse_seq + 1
            PULSE.pack_into(self._map, PULSE_AT, seq, self.pulse, *self.queues, seq)

    def write_info(self, info: dict[str, object]) -> None:
        """Publish the constant facts as JSON. If they do not fit, the longest entries are left out first."""
        if self._map is None:
            return
        text = json.dumps(info, default=str).encode()
        while len(text) > INFO_BYTES and info:
            longest = max(info, key=lambda key: len(str(info[key])))
            info = {key: value for key, value in info.items() if key != longest}
            text = json.dumps(info, default=str).encode()
        INFO.pack_into(self._map, INFO_AT, 0, 0)
        self._map[INFO_AT + INFO.size : INFO_AT + INFO.size + len(text)] = text
        INFO.pack_into(self._map, INFO_AT, len(text), zlib.crc32(text))


def start_ticks() -> int:
    """Return the start time of this process in clock ticks since boot, which identifies it if its PID is reused."""
    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 - pathlib may not be loaded in a bare process
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


class Seen(NamedTuple):
    """A decoded page; times are CLOCK_MONOTONIC seconds, None is unknown."""

    pid: int
    generation: int
    started_ticks: int
    fault_signal: int | None
    fatal_file: bool
    ptracer: bool
    role: str
    worker_index: int | None
    phase: str
    epoch: int | None
    iteration: int | None
    progress_total: int
    progressed: float | None
    waits_for: str
    wait_began: float | None
    data_wait_s: float | None
    compute_s: float | None
    data_wait_s_total: float
    compute_s_total: float
    steps_total: int
    case: str | None
    case_began: float | None
    pulse: float | None
    worker_queue: int | None
    worker_queue_size: int | None
    ready_queue: int | None
    ready_queue_size: int | None


def decode(raw: bytes) -> Seen | None:
    """Decode one copy of a page; None if it is torn, of another version, or not a page."""
    if len(raw) != SIZE:
        return None
    head, state = HEAD.unpack_from(raw, HEAD_AT), STATE.unpack_from(raw, STATE_AT)
    case, pulse = CASE.unpack_from(raw, CASE_AT), PULSE.unpack_from(raw, PULSE_AT)
    wait = WAIT.unpack_from(raw, WAIT_AT)
    if head[1:3] != (MAGIC, VERSION) or any(region[0] != region[-1] for region in (head, state, wait, case, pulse)):
        return None
    waits, wait_began = wait[1:3] if wait[0] > state[0] else (state[3], state[9])
    if state[1] >= len(ROLES) or state[2] >= len(PHASES) or waits >= len(WAITS):
        return None
    name = case[3][: case[2]].decode("utf-8", "ignore")  # drops a last character that was cut in the middle
    return Seen(
        pid=head[3], generation=head[4], fault_signal=head[5] or None, fatal_file=bool(head[6]),
        ptracer=bool(head[7]), started_ticks=head[8],
        role=ROLES[state[1]], phase=PHASES[state[2]], waits_for=WAITS[waits], worker_index=_known(state[4]),
        epoch=_known(state[5]), iteration=_known(state[6]), progress_total=state[7], progressed=_time(state[8]),
        wait_began=_time(wait_began), data_wait_s=_time(state[10]), compute_s=_time(state[11]),
        data_wait_s_total=state[12], compute_s_total=state[13], steps_total=state[14],
        case_began=_time(case[1]), case=name or None, pulse=_time(pulse[1]), worker_queue=_known(pulse[2]),
        worker_queue_size=_known(pulse[3]), ready_queue=_known(pulse[4]), ready_queue_size=_known(pulse[5]),
    )  # fmt: skip


def decode_info(raw: bytes) -> dict[str, object] | None:
    """Decode the constant facts; None if they are missing or damaged."""
    if len(raw) != SIZE:
        return None
    length, crc = INFO.unpack_from(raw, INFO_AT)
    text = raw[INFO_AT + INFO.size : INFO_AT + INFO.size + length]
    if not 0 < length <= INFO_BYTES or zlib.crc32(text) != crc:
        return None
    try:
        info = json.loads(text)
    except ValueError:
        return None
    return info if isinstance(info, dict) else None


def _known(number: int) -> int | None:
    return None if number == UNKNOWN else number


def _time(number: float) -> float | None:
    return None if math.isnan(number) else number
