"""Heartbeat pages and event lines that the hook writes inside the training's processes.

Pages are read with plain reads, never mapped: a page that is cut short or removed meanwhile must not kill the
recorder. Whatever else lies in the folder is passed over.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

from holter.hook import page as layout
from holter.probes import Reading
from holter.probes.echoes import is_echo
from holter.records import (
    ActionTaken,
    Beat,
    Event,
    ExceptionSeen,
    Noted,
    Phase,
    PhaseChanged,
    ProcessEnded,
    Role,
    WaitKind,
)

BEAT_FILE = re.compile(r"beat-(\d+)")
EVENTS_FILE = re.compile(r"events-(\d+)\.jsonl")
FATAL_FILE = re.compile(r"fatal-(\d+)")
# Two copies must agree; a write takes under a microsecond, so a handful of tries is already many.
TRIES = 8
# Of one file and look: a flood of lines is spread over several looks.
MAX_READ_BYTES = 1 << 20
MAX_FATAL_BYTES = 16_000


class HeartbeatProbe:
    """The beats of every living process of the training that carries the hook, and what they told since."""

    name = "heartbeat"
    interval_s = 1.0

    def __init__(self, scratch: Path, clock_zero_mono_s: float, proc: Path = Path("/proc")) -> None:
        self._scratch = scratch
        self._zero = clock_zero_mono_s
        self._proc = proc
        self._seen: dict[int, layout.Seen] = {}  # the last whole page of each process, living or not
        self._living: dict[int, layout.Seen] = {}
        self._info: dict[str, object] = {}
        self._info_rank: tuple[int, int, int] = (-1, 0, -1)
        self._tails: dict[Path, _Tail] = {}
        self._told_fatal: set[int] = set()
        self._raised: set[int] = set()  # processes that told of an exception

    def read(self, t_s: float) -> Reading:
        """Look at all pages and read on in all event files."""
        files = list(self._files())
        self._look_at_pages(files)
        events = [*self._new_events(files), *self._fatal_errors(files, t_s)]
        beats = tuple(self._beat(t_s, seen) for _, seen in sorted(self._living.items()))
        return Reading(beats, tuple(sorted(events, key=lambda event: event.t_s)))

    def close(self) -> None:
        """Nothing is held."""

    def hints(self) -> dict[int, tuple[Role, int | None]]:
        """Role and worker index of each living process that carries the hook."""
        return {pid: (cast("Role", seen.role), seen.worker_index) for pid, seen in self._living.items()}

    def main_info(self) -> dict[str, object]:
        """What the main process tells of itself (trainer, folders, versions, …); empty until there is a trainer."""
        return dict(self._info)

    def fault_signal(self, pid: int) -> int | None:
        """The signal that makes a process write its stacks, if it is the same process and still catches it.

        Otherwise None: to a process without a handler the signal is deadly.
        """
        seen = self._living.get(pid)
        if seen is None or seen.fault_signal is None or self._started_ticks(pid) != seen.started_ticks:
            return None
        return seen.fault_signal if _catches(self._proc / str(pid) / "status", seen.fault_signal) else None

    def stack_file(self, pid: int) -> Path:
        """Where that process writes its stacks when it gets the signal; each dump is appended."""
        return self._scratch / f"stacks-{pid}"

    # -------------------------------------------------------------------------------------------------- pages

    def _files(self) -> Iterator[Path]:
        try:
            with os.scandir(self._scratch) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        yield Path(entry.path)
        except FileNotFoundError:
            return

    def _look_at_pages(self, files: list[Path]) -> None:
        self._living = {}
        for path in files:
            if not BEAT_FILE.fullmatch(path.name):
                continue
            raw = _whole_page(path)
            seen = layout.decode(raw) if raw is not None else None
            pid = int(path.name.partition("-")[2])
            if seen is not None and seen.pid == pid:
                self._seen[pid] = seen
            # A process stopped in the middle of a write leaves no whole page: its last one still stands.
            last = self._seen.get(pid)
            if last is not None and self._started_ticks(pid) == last.started_ticks:
                self._living[pid] = last
                if raw is not None and last.role == "main":
                    self._take_info(raw, last)

    def _take_info(self, raw: bytes, seen: layout.Seen) -> None:
        info = layout.decode_info(raw)
        # Where several processes train together, the first of them speaks for all.
        rank = (seen.generation, -(_whole((info or {}).get("local_rank")) or 0), seen.started_ticks)
        if info is not None and rank >= self._info_rank:
            self._info, self._info_rank = {**info, "pid": seen.pid, "generation": seen.generation}, rank

    def _started_ticks(self, pid: int) -> int | None:
        """Start time of a living process; None for one that is gone or only waits to be reaped."""
        try:
            fields = (self._proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            return None if fields[0] in (b"Z", b"X") else int(fields[19])
        except (OSError, IndexError, ValueError):
            return None

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

    # ------------------------------------------------------------------------------------------------- events

    def _new_events(self, files: list[Path]) -> list[Event]:
        lines: list[tuple[float, int, dict[str, Any]]] = []
        tails: dict[Path, _Tail] = {}
        for path in files:
            match = EVENTS_FILE.fullmatch(path.name)
            if match is not None:
                tails[path] = self._tails.get(path) or _Tail()
                lines += [(at, int(match[1]), line) for at, line in tails[path].read(path)]
        self._tails = tails
        lines.sort(key=lambda one: one[0])
        return [self._event(self._t_s(at), pid, line) for at, pid, line in lines]

    def _event(self, t_s: float, pid: int, line: dict[str, Any]) -> Event:
        kind = line.get("kind")
        if kind == "phase" and line.get("phase") in get_args(Phase):
            return PhaseChanged(t_s=t_s, phase=line["phase"], epoch=_whole(line.get("epoch")))
        if kind == "worker-ended" and _whole(line.get("pid")) is not None:
            return self._ended(t_s, line)
        if kind == "exception":
            return self._exception(t_s, pid, line)
        if kind == "action" and line.get("state") in ("begun", "done", "failed"):
            return ActionTaken(
                t_s=t_s,
                action=_text(line, "action"),
                state=line["state"],
                text=_text(line, "text"),
                pids=tuple(pid for pid in line.get("pids") or () if _whole(pid) is not None),
                generation=_whole(line.get("generation")) or 0,
                source="hook",
            )
        if kind == "checkpoint":
            text = f"{_text(line, 'file')} in {_number(line.get('duration_s')):.2f} s"
            return Noted(t_s=t_s, what="checkpoint" if line.get("ok") else "checkpoint-failed", text=text)
        if kind == "finished":
            return Noted(t_s=t_s, what="finished" if line.get("ok") else "aborted", text=_text(line, "what"))
        if kind == "note":
            return Noted(t_s=t_s, what=_text(line, "what") or "hook-note", text=f"PID {pid}: {_text(line, 'text')}")
        return Noted(t_s=t_s, what="hook-unknown", text=f"PID {pid}: {json.dumps(line)[:200]}")

    def _ended(self, t_s: float, line: dict[str, Any]) -> ProcessEnded:
        pid, code, role = line["pid"], _whole(line.get("exit_code")), _role(line)
        seen = self._seen.get(pid)
        # A data worker returns only when it is told to, or after an exception of its own.
        told = code == 0 and role in ("train-worker", "val-worker") and pid not in self._raised
        return ProcessEnded(
            t_s=t_s,
            pid=pid,
            role=role,
            worker_index=_whole(line.get("worker_index")),
            exit_code=code if code is not None and code >= 0 else None,
            exit_signal=-code if code is not None and code < 0 else None,
            case=seen.case if seen is not None else None,
            source="hook",
            expected=line.get("expected") is True,
            by_parent=line.get("by_parent") is True or told,
        )

    def _exception(self, t_s: float, pid: int, line: dict[str, Any]) -> ExceptionSeen:
        self._raised.add(pid)
        error, message, traceback = (
            _text(line, "error") or "Exception",
            _text(line, "message"),
            _text(line, "traceback"),
        )
        return ExceptionSeen(
            t_s=t_s,
            pid=pid,
            role=_role(line),
            error=error,
            message=message,
            traceback=traceback,
            case=_text(line, "case") or None,
            echo=is_echo(error, message, traceback),
            source="hook",
        )

    def _fatal_errors(self, files: list[Path], t_s: float) -> Iterator[Event]:
        for path in files:
            match = FATAL_FILE.fullmatch(path.name)
            if match is None or int(match[1]) in self._told_fatal:
                continue
            text = _read(path, 0, MAX_FATAL_BYTES)
            if text:
                self._told_fatal.add(int(match[1]))
                yield Noted(t_s=t_s, what="fatal-error", text=f"PID {match[1]}: {text.decode(errors='replace')}")


class _Tail:
    """Reads on in one event file: whole lines only, from the start again if it became shorter or another file."""

    def __init__(self) -> None:
        self._offset = 0
        self._inode: int | None = None

    def read(self, path: Path) -> Iterator[tuple[float, dict[str, Any]]]:
        try:
            status = path.stat()
        except OSError:
            return
        if status.st_ino != self._inode or status.st_size < self._offset:
            self._offset, self._inode = 0, status.st_ino
        data = _read(path, self._offset, MAX_READ_BYTES)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) == MAX_READ_BYTES:
            end = len(data)  # no line of ours is that long
        self._offset += end
        for raw in data[:end].splitlines():
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            at = line.get("at") if isinstance(line, dict) else None
            if isinstance(at, (int, float)) and math.isfinite(at):
                yield float(at), line


def _whole_page(path: Path) -> bytes | None:
    """One copy of a page that nobody wrote to while it was taken; None if there is none to be had."""
    before = _read(path, 0, layout.SIZE)
    for _ in range(TRIES):
        again = _read(path, 0, layout.SIZE)
        if again == before and (layout.decode(again) is not None or not again):
            return again or None
        before = again
    return None


def _read(path: Path, offset: int, size: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, size, offset)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _catches(status: Path, number: int) -> bool:
    try:
        for line in status.read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    except (OSError, ValueError, IndexError):
        pass
    return False


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _text(line: dict[str, Any], name: str) -> str:
    value = line.get(name)
    return value if isinstance(value, str) else ""


def _role(line: dict[str, Any]) -> Role:
    role = line.get("role")
    return cast("Role", role) if role in get_args(Role) else "other"
