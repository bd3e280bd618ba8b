"""What one process of the training records: heartbeat page, event lines, stack signal, uncaught exceptions.

Nothing here raises into the training, prints, or blocks on a lock. If the scratch folder is full, read-only or
deleted, the process is not recorded.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any, TypeVar, cast

from . import page as layout
from .chained import call_when_handled, chain_exception_hooks, goes_on_after_exceptions
from .process import STACK_SIGNAL, allow_tracing, is_spawned_child, signals_in_use

# Most lines of one process about the hook's own failures; more would only fill the disk.
MAX_ERRORS = 20
MAX_MESSAGE = 2000
MAX_TRACEBACK = 16000


Method = TypeVar("Method", bound="Callable[..., None]")


class quietly:  # noqa: N801 - read as a word: ``with quietly("fetch"):``
    """A block whose exceptions are recorded as failures of the hook, at ``where``, and never reach the training."""

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, Exception):
            RUNTIME.record_error(self._where, error)
        return isinstance(error, Exception)


def quiet(method: Method) -> Method:
    """Catch and record every exception of a method of ``HookRuntime``, so that it never reaches the training."""

    @functools.wraps(method)
    def never_raises(self: HookRuntime, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.record_error(method.__name__, error)

    return cast("Method", never_raises)


class HookRuntime:
    """The recorder of one process: ``RUNTIME``. A forked child gets a new one, which is silent until it has a role."""

    def __init__(self) -> None:
        self.scratch = os.environ.get("HOLTER_SCRATCH", "")
        self.awake = False
        self.helps = False  # a program that a training has started, such as an evaluation
        self._own_stack_signal = False
        self._own_fatal = False
        self._begin()

    def _begin(self) -> None:
        self.page = layout.Page()
        self.page.generation = _int_or_zero(os.environ.get("HOLTER_GENERATION"))
        self.pid = os.getpid()
        self.opened = False
        self.error_count = 0
        self._files: list[IO[bytes]] = []  # faulthandler keeps only the descriptor, so the file must stay open

    @quiet
    def activate(self, package: str) -> None:
        """Start the recording of this process; done once, when nnU-Net or batchgenerators is first imported.

        Only nnU-Net's trainer shows when the startup is over. The phase of a program that uses batchgenerators alone,
        such as nnU-Net v1, is unknown.
        """
        starts = package == "nnunetv2" and not is_spawned_child()
        if self.awake or not self.scratch:
            if starts and self.opened and self.page.phase == layout.PHASES.index("unknown"):
                self.enter("startup", None)
            return
        self.awake = True
        os.register_at_fork(after_in_child=self._reborn)
        chain_exception_hooks(self.record_exception)
        dispositions = signals_in_use()
        self._own_stack_signal = STACK_SIGNAL not in dispositions
        if self._own_stack_signal:
            call_when_handled(STACK_SIGNAL, self.lose_stack_signal)
        faulthandler = sys.modules.get("faulthandler")
        self._own_fatal = not (faulthandler is not None and faulthandler.is_enabled())
        self.open("other" if is_spawned_child() else "main", phase="startup" if starts else None)

    def _reborn(self) -> None:
        try:
            self.page.drop()
            self._begin()
        except Exception:
            pass

    @quiet
    def open(self, role: str, worker_index: int | None = None, phase: str | None = None) -> None:
        """Set the role of this process. The first call also creates its heartbeat page and the files for its stacks.

        ``worker_index``: None if it is no worker. ``phase``: the phase to record at the first call; None: no change.
        """
        page = self.page
        page.role = layout.ROLES.index(role)
        page.worker_index = layout.UNKNOWN if worker_index is None else worker_index
        if phase is not None and not self.opened:
            page.phase = layout.PHASES.index(phase)
            self.emit("phase", phase=phase, epoch=None)
        if self.opened:
            page.write_state()
            return
        self.opened = True
        with quietly("signals"):
            self._watch_signals()
            page.ptracer = allow_tracing()
        with quietly("page"):
            page.open(self.path("beat-%d"))

    def path(self, pattern: str) -> str:
        """Return the path of a file of this process in the scratch folder."""
        return os.path.join(self.scratch, pattern % self.pid)  # noqa: PTH118

    def _watch_signals(self) -> None:
        import faulthandler

        self.check_stack_signal()
        if self._own_stack_signal:
            file = self._append("stacks-%d")
            faulthandler.register(STACK_SIGNAL, file=file, all_threads=True, chain=False)
            self.page.fault_signal = int(STACK_SIGNAL)
        if self._own_fatal:
            faulthandler.enable(file=self._append("fatal-%d"), all_threads=True)
            self.page.fatal_file = True

    @quiet
    def lose_stack_signal(self) -> None:
        """Leave the signal for stacks to the program, which has a handler of its own from now on."""
        self._own_stack_signal = False
        self.page.fault_signal = 0
        self.page.write_head()

    @quiet
    def check_stack_signal(self) -> None:
        """Leave the signal to the program if that has installed a handler past ``signal.signal`` as we know it.

        It may have imported the function before the hook began (``from signal import signal``).
        """
        if self._own_stack_signal and signal.getsignal(STACK_SIGNAL) != signal.SIG_DFL:
            self.lose_stack_signal()

    def _append(self, pattern: str) -> IO[bytes]:
        file = open(self.path(pattern), "ab", buffering=0)  # noqa: PTH123, SIM115
        self._files.append(file)
        return file

    @quiet
    def cleanup(self) -> None:
        """Remove this process's empty stack files at a normal exit."""
        for path in (self.path("stacks-%d"), self.path("fatal-%d")):
            if os.path.isfile(path) and os.path.getsize(path) == 0:  # noqa: PTH113, PTH202
                os.unlink(path)  # noqa: PTH108

    # ------------------------------------------------------------------------------------------------------ events

    def emit(self, kind: str, **fields: Any) -> None:
        """Append one event line. The file is opened each time: a descriptor kept open may be closed and reused."""
        if not self.scratch:
            return
        try:
            line = {"at": time.monotonic(), "wall": time.time(), "kind": kind, **fields}
            data = (json.dumps(line, default=str) + "\n").encode()
            descriptor = os.open(
                self.path("events-%d.jsonl"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except Exception:
            pass

    def record_ability(self, name: str, can: bool, what: str = "", **more: Any) -> None:
        """Record whether Holter can do something in this training; in the main process only, else do nothing.

        ``name``: the ability, such as ``replace-workers``; or ``loader``, with the kind of data loader as ``what``.
        ``more``: other fields of the event.
        """
        if layout.ROLES[self.page.role] == "main":
            self.emit("ability", name=name, can=can, what=what, **more)

    def record_error(self, where: str, error: BaseException) -> None:
        """Record that a part of the hook failed."""
        self.error_count += 1
        if self.error_count <= MAX_ERRORS:
            self.emit("note", what="hook-failed", text="%s: %r" % (where, error))  # noqa: UP031

    def record_exception(
        self, error: BaseException, trace: TracebackType | None, thread: str | None = None, **more: Any
    ) -> None:
        """Record a Python exception together with the case that this process works on; never raises.

        ``thread``: the name of the thread that it has ended, if it was a side thread. ``more``: other fields of the
        event.
        """
        try:
            message = str(error)
            lines = traceback.format_exception(type(error), error, trace)
            if self.helps:
                more["asleep"] = True
            self.emit(
                "exception",
                error=type(error).__name__,
                message=message[:MAX_MESSAGE],
                traceback="".join(lines)[-MAX_TRACEBACK:],
                case=self.page.case or None,
                role=layout.ROLES[self.page.role],
                thread=thread,
                **more,
            )
        except Exception:
            pass

    def record_uncaught(self, error: BaseException, trace: TracebackType | None) -> None:
        """Record the exception that ends a program without nnU-Net; after ``activate`` the hooks of that record it."""
        if not self.awake and not is_spawned_child() and not goes_on_after_exceptions():
            self.page.role = layout.ROLES.index("main")
            self.record_exception(error, trace, asleep=True)

    # -------------------------------------------------------------------------------------------------- heartbeats

    def phase(self) -> str:
        return layout.PHASES[self.page.phase]

    @quiet
    def enter(self, phase: str, epoch: int | None = None) -> None:
        """Set the phase. A change also emits an event."""
        page = self.page
        code = layout.PHASES.index(phase)
        if epoch is not None:
            page.epoch = epoch
        if code != page.phase:
            page.phase = code
            known_epoch = None if page.epoch == layout.UNKNOWN else page.epoch
            if not self.helps:
                self.emit("phase", phase=phase, epoch=known_epoch)
        page.write_state()

    @quiet
    def progress(self) -> None:
        """Count one finished unit of work."""
        page = self.page
        page.progress_total += 1
        page.progressed = time.monotonic()
        page.write_state()

    @quiet
    def wait_for(self, what: str) -> None:
        page = self.page
        page.waits = layout.WAITS.index(what)
        page.wait_began = time.monotonic()
        page.write_state()

    @quiet
    def wait_over(self) -> None:
        page = self.page
        page.waits = 0
        page.wait_began = layout.NAN
        page.write_state()

    @quiet
    def take_case(self, name: str) -> None:
        """Set the current case; an empty name means none."""
        page = self.page
        page.case = name
        page.case_began = time.monotonic() if name else layout.NAN
        page.write_case()


def nobody() -> None:
    """Return None in place of a weak reference."""


def _int_or_zero(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


RUNTIME = HookRuntime()
