"""Heartbeat pages that the hook writes inside the training's processes (event lines: ``heartbeat_events.py``).

Pages are read with plain reads, never mapped: a page that is truncated or removed meanwhile must not crash the
recorder. They are kept open: if a clean-up of /tmp deletes one, it can be read while its process lives. Other files in
the folder are ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from holter.hook import page as layout
from holter.linux.procfs import catches, read_text
from holter.patterns import later
from holter.probes import Reading
from holter.probes.process.process_files import started
from holter.probes.training.heartbeat_events import EventLines, whole
from holter.records import Beat, Phase, Role, WaitKind

BEAT_FILE = later(r"beat-(\d+)")
BEFORE_TRAINING = ("startup", "unpack")
# Two copies must agree; a write takes under a microsecond, so 8 tries are plenty.
TRIES = 8


class HeartbeatProbe:
    """The beats of all living processes of the training that carry the hook, and the events they reported."""

    name = "heartbeat"
    interval_s = 1.0

    def __init__(self, scratch: Path, clock_zero_mono_s: float, proc: Path = Path("/proc")) -> None:
        self._scratch = scratch
        self._zero = clock_zero_mono_s
        self._proc = proc
        self._seen: dict[int, layout.Seen] = {}  # the last whole page of each process, living or not
        self._living: dict[int, layout.Seen] = {}
        self._open: dict[int, int] = {}  # PID -> descriptor of its page
        self._info: dict[str, object] = {}
        self._info_rank: tuple[int, int, int] = (-1, 0, -1)
        self._events = EventLines(clock_zero_mono_s, self._case_of, self._seen.__contains__)

    def read(self, t_s: float) -> Reading:
        """Read all pages, and the new lines of all event files."""
        files = list(self._files())
        self._find_pages(files)
        events = self._events.read(files, t_s)
        beats = tuple(self._beat(t_s, seen) for _, seen in sorted(self._living.items()))
        return Reading(beats, tuple(sorted(events, key=lambda event: event.t_s)))

    def close(self) -> None:
        for pid in list(self._open):
            os.close(self._open.pop(pid))

    def hints(self) -> dict[int, tuple[Role, int | None]]:
        """Role and worker index of each living process that carries the hook, or is a worker of one."""
        without_page = {pid: hint for pid, hint in self._events.started.items() if pid not in self._seen}
        return {
            **without_page,
            **{pid: (cast("Role", seen.role), seen.worker_index) for pid, seen in self._living.items()},
        }

    def before_training(self) -> bool:
        """Return whether a main process is still in startup or unpacking, by its heartbeat.

        Its process pools then unpack cases; later ones export predictions.
        """
        return any(seen.role == "main" and seen.phase in BEFORE_TRAINING for seen in self._living.values())

    def main_info(self) -> dict[str, object]:
        """Return what the main process says of itself (trainer, folders, versions); empty before it has a trainer."""
        return dict(self._info)

    @property
    def asleep(self) -> frozenset[int]:
        """PIDs of programs that an exception has ended and that do not train, as far as the hook knows."""
        return frozenset(self._events.asleep)

    def abilities(self) -> dict[str, tuple[bool, str]]:
        """Return what the hook can do in the training: name -> (possible, detail such as the class of the loader)."""
        return dict(self._events.abilities)

    def fault_signal(self, pid: int) -> int | None:
        """Return the signal that makes a process write its stacks, if the process is the same and still has a handler.

        Otherwise None: the signal kills a process that has no handler.
        """
        seen = self._living.get(pid)
        if seen is None or seen.fault_signal is None or started(pid, self._proc) != seen.started_ticks:
            return None
        return seen.fault_signal if catches(read_text(self._proc / str(pid) / "status"), seen.fault_signal) else None

    # -------------------------------------------------------------------------------------------------- pages

    def _files(self) -> Iterator[Path]:
        try:
            with os.scandir(self._scratch) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        yield Path(entry.path)
        except FileNotFoundError:
            return

    def _find_pages(self, files: list[Path]) -> None:
        self._living = {}
        pages = {int(match[1]): path for path in files if (match := BEAT_FILE.fullmatch(path.name))}
        for pid in sorted({*pages, *self._open}):
            descriptor = self._descriptor(pid, pages.get(pid))
            if descriptor is None:
                continue
            raw = _whole_page(descriptor)
            seen = layout.decode(raw) if raw is not None else None
            if seen is not None and seen.pid == pid:
                self._seen[pid] = seen
            # A process stopped in the middle of a write leaves no whole page: its last one is still valid.
            last = self._seen.get(pid)
            if last is not None and started(pid, self._proc) == last.started_ticks:
                self._living[pid] = last
                if raw is not None and last.role == "main":
                    self._take_info(raw, last)
            else:  # thousands of workers may have been replaced by now
                os.close(self._open.pop(pid))

    def _descriptor(self, pid: int, path: Path | None) -> int | None:
        kept = self._open.get(pid)
        if path is None:
            return kept
        try:
            if kept is not None and os.path.samestat(os.fstat(kept), path.stat(follow_symlinks=False)):
                return kept
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return kept
        if kept is not None:
            os.close(kept)
        self._open[pid] = opened
        return opened

    def _take_info(self, raw: bytes, seen: layout.Seen) -> None:
        info = layout.decode_info(raw)
        # If several processes train together, the one with the lowest rank reports for all.
        rank = (seen.generation, -(whole((info or {}).get("local_rank")) or 0), seen.started_ticks)
        if info is not None and rank >= self._info_rank:
            self._info, self._info_rank = {**info, "pid": seen.pid, "generation": seen.generation}, rank

    def _case_of(self, pid: int) -> str | None:
        seen = self._seen.get(pid)
        return None if seen is None else seen.case

    def _t_s(self, monotonic_s: float) -> float:
        return monotonic_s - self._zero

    def _t_s_or_none(self, monotonic_s: float | None) -> float | None:
        return None if monotonic_s is None else self._t_s(monotonic_s)

    def _beat(self, t_s: float, seen: layout.Seen) -> Beat:
        return Beat(
            t_s=t_s,
            pid=seen.pid,
            role=cast("Role", seen.role),
            worker_index=seen.worker_index,
            phase=cast("Phase", seen.phase),
            epoch=seen.epoch,
            iteration=seen.iteration,
            progress_total=seen.progress_total,
            progressed_s=self._t_s_or_none(seen.progressed),
            pulse_s=self._t_s_or_none(seen.pulse),
            waits_for=cast("WaitKind", seen.waits_for),
            wait_began_s=self._t_s_or_none(seen.wait_began),
            data_wait_s=seen.data_wait_s,
            compute_s=seen.compute_s,
            data_wait_s_total=seen.data_wait_s_total,
            compute_s_total=seen.compute_s_total,
            steps_total=seen.steps_total,
            worker_queue=seen.worker_queue,
            worker_queue_size=seen.worker_queue_size,
            ready_queue=seen.ready_queue,
            ready_queue_size=seen.ready_queue_size,
            case=seen.case,
            case_began_s=self._t_s_or_none(seen.case_began),
        )


def _whole_page(descriptor: int) -> bytes | None:
    # One consistent copy of a page; None if every copy changed while it was read.
    before = _read(descriptor)
    for _ in range(TRIES):
        again = _read(descriptor)
        if again == before and (layout.decode(again) is not None or not again):
            return again or None
        before = again
    return None


def _read(descriptor: int) -> bytes:
    try:
        return os.pread(descriptor, layout.SIZE, 0)
    except OSError:
        return b""
