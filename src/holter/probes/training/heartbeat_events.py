"""Follow the event files that the hook writes beside its pages, and return their lines as events.

Only whole lines count, and nothing in them is trusted: a line that makes no sense is skipped or quoted.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast, get_args

from holter.patterns import later
from holter.probes.training.remarks import worded
from holter.records import ActionTaken, Event, ExceptionSeen, Noted, Phase, PhaseChanged, ProcessEnded, Role
from holter.sentences import as_fields, define
from holter.texts.secondary_errors import is_echo, reports_dataloader_worker

LOSS_SINCE = define("loss.since", "since epoch {epoch}, iteration {iteration}")
LEFT = define("loop.left", "{error}[[: {text}]]")
CHECKPOINT = define("note.checkpoint", "{file} in {duration:.2f} s")
MOST_LETTERS = 200  # of an exception's words in a line about something else
EVENTS_FILE = later(r"events-(\d+)\.jsonl")
FATAL_FILE = later(r"fatal-(\d+)")
# Kinds of lines that are no events of their own.
KEPT = ("ability", "returned", "workers-started")
# Per file and read: a flood of lines is spread over several reads.
MAX_READ_BYTES = 1 << 20
MAX_FATAL_BYTES = 16_000


class EventLines:
    """What the processes of a training reported since the previous read."""

    def __init__(
        self, clock_zero_mono_s: float, case_of: Callable[[int], str | None], is_hooked: Callable[[int], bool]
    ) -> None:
        """``case_of``: PID -> the case that the process worked on when its last page was read."""
        self._zero = clock_zero_mono_s
        self._case_of = case_of
        self._is_hooked = is_hooked
        self._tails: dict[Path, _Tail] = {}
        self._reported_fatal: set[int] = set()
        self._raised: set[int] = set()  # processes that reported an exception
        self.asleep: set[int] = set()  # programs beside the training that an exception has ended
        self._returned: set[int] = set()  # data workers whose function returned
        self.started: dict[int, tuple[Role, int | None]] = {}  # workers, as their parent says; not those that ended
        self.abilities: dict[str, tuple[bool, str]] = {}  # as HeartbeatProbe.abilities()

    def read(self, files: list[Path], t_s: float) -> list[Event]:
        """Return the new events in the files of the hook's folder."""
        return [*self._new(files), *self._fatal_errors(files, t_s)]

    def _new(self, files: list[Path]) -> list[Event]:
        lines: list[tuple[float, int, dict[str, Any]]] = []
        tails: dict[Path, _Tail] = {}
        numbered = [(int(match[1]), path) for path in files if (match := EVENTS_FILE.fullmatch(path.name))]
        # The parent's file first: when it reports the end of a child, the child's own last lines must be read after it.
        for pid, path in sorted(numbered):
            tails[path] = self._tails.get(path) or _Tail()
            lines += [(at, pid, line) for at, line in tails[path].read(path)]
        self._tails = tails
        lines.sort(key=lambda entry: entry[0])
        self.abilities.update(_ability(line) for _, _, line in lines if line.get("kind") == "ability")
        self._returned.update(pid for _, pid, line in lines if line.get("kind") == "returned")
        for _, _, line in lines:
            self._learn_workers(line)
        return [self._event(at - self._zero, pid, line) for at, pid, line in lines if line.get("kind") not in KEPT]

    def _learn_workers(self, line: dict[str, Any]) -> None:
        if line.get("kind") == "worker-ended":
            self.started.pop(whole(line.get("pid")) or 0, None)
        elif line.get("kind") == "workers-started":
            pids = enumerate(line.get("pids") or ())
            self.started.update({pid: (_role(line), index) for index, pid in pids if whole(pid) is not None})

    def _event(self, t_s: float, pid: int, line: dict[str, Any]) -> Event:
        kind = line.get("kind")
        if kind == "phase" and line.get("phase") in get_args(Phase):
            return PhaseChanged(t_s=t_s, phase=line["phase"], epoch=whole(line.get("epoch")))
        if kind == "worker-ended" and whole(line.get("pid")) is not None:
            return self._ended(t_s, line)
        if kind == "exception":
            return self._exception(t_s, pid, line)
        if kind == "action" and line.get("state") in ("begun", "done", "failed"):
            return ActionTaken(
                t_s=t_s,
                action=_text(line, "action"),
                state=line["state"],
                **_said(line),
                pids=tuple(pid for pid in line.get("pids") or () if whole(pid) is not None),
                generation=whole(line.get("generation")) or 0,
                source="hook",
                request=whole(line.get("number")),
            )
        if kind == "checkpoint":
            file, duration_s = _text(line, "file"), _number(line.get("duration_s"))
            what = "checkpoint" if line.get("ok") else "checkpoint-failed"
            return Noted(t_s=t_s, what=what, message=CHECKPOINT(file=file, duration=duration_s))
        if kind == "loss":
            what = "loss-is-finite" if line.get("finite") else "loss-not-finite"
            since = LOSS_SINCE(epoch=whole(line.get("epoch")), iteration=whole(line.get("iteration")))
            return Noted(t_s=t_s, what=what, message=since)
        if kind == "began":
            return Noted(t_s=t_s, what="began", text=_text(line, "what"))
        if kind == "finished":
            if line.get("ok"):
                return Noted(t_s=t_s, what="finished", text=_text(line, "what"))
            error, text = _text(line, "error"), _text(line, "message").partition("\n")[0][:MOST_LETTERS]
            left = LEFT(error=error, text=text or None) if error else None
            return Noted(t_s=t_s, what="aborted", text=_text(line, "what"), message=left, pid=pid)
        if kind == "note":
            return Noted(t_s=t_s, what=_text(line, "what") or "hook-note", pid=pid, **_said(line))
        return Noted(t_s=t_s, what="hook-unknown", text=json.dumps(line)[:200], pid=pid)

    def _ended(self, t_s: float, line: dict[str, Any]) -> ProcessEnded:
        pid, code, role = line["pid"], whole(line.get("exit_code")), _role(line)
        # A data worker returns when the abort event is set: another worker has ended, or the training ends. One that
        # left by os._exit did not return, and may be the reason for the abort.
        left = self._is_hooked(pid) and pid not in self._returned
        was_aborted = code == 0 and line.get("aborted") is True and pid not in self._raised and not left
        return ProcessEnded(
            t_s=t_s,
            pid=pid,
            role=role,
            worker_index=whole(line.get("worker_index")),
            exit_code=code if code is not None and code >= 0 else None,
            exit_signal=-code if code is not None and code < 0 else None,
            case=self._case_of(pid),
            source="hook",
            expected=line.get("expected") is True,
            by_parent=line.get("by_parent") is True or was_aborted,
        )

    def _exception(self, t_s: float, pid: int, line: dict[str, Any]) -> ExceptionSeen:
        self._raised.add(pid)
        if line.get("asleep"):
            self.asleep.add(pid)
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
            thread=_text(line, "thread") or None,
            echo=is_echo(error, message, traceback) or reports_dataloader_worker(message),
            source="hook",
        )

    def _fatal_errors(self, files: list[Path], t_s: float) -> Iterator[Event]:
        for path in files:
            match = FATAL_FILE.fullmatch(path.name)
            if match is None or int(match[1]) in self._reported_fatal:
                continue
            text = read_bytes(path, 0, MAX_FATAL_BYTES)
            if text:
                self._reported_fatal.add(int(match[1]))
                yield Noted(t_s=t_s, what="fatal-error", text=text.decode(errors="replace"), pid=int(match[1]))


class _Tail:
    """Follows one event file: whole lines only, from the start again if it became shorter or was replaced."""

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
        data = read_bytes(path, self._offset, MAX_READ_BYTES)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) == MAX_READ_BYTES:
            end = len(data)  # the hook writes no line that long
        self._offset += end
        for raw in data[:end].splitlines():
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            at = line.get("at") if isinstance(line, dict) else None
            if isinstance(at, (int, float)) and math.isfinite(at):
                yield float(at), line


def read_bytes(path: Path, offset: int, size: int) -> bytes:
    """Return part of a regular file; empty if it cannot be read. Never blocks on a pipe of the same name."""
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


def whole(value: object) -> int | None:
    """Return the value if it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _said(line: dict[str, Any]) -> dict[str, Any]:
    return as_fields(worded(line["say"]) if "say" in line else _text(line, "text"))


def _ability(line: dict[str, Any]) -> tuple[str, tuple[bool, str]]:
    # Why something is not possible comes as a remark, which stays coded here.
    what = json.dumps(line["say"]) if line.get("say") else _text(line, "what")
    return _text(line, "name"), (line.get("can") is True, what)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _text(line: dict[str, Any], name: str) -> str:
    value = line.get(name)
    return value if isinstance(value, str) else ""


def _role(line: dict[str, Any]) -> Role:
    role = line.get("role")
    return cast("Role", role) if role in get_args(Role) else "other"
