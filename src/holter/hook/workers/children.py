"""The main process's children: their exit codes, recorded only here, and the 1 Hz pulse that polls them."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
import time
from collections.abc import Iterable
from typing import Any

from .. import control
from .. import page as layout
from ..process import name_collectors, name_thread
from ..runtime import RUNTIME, quietly
from .parts import queues_of, ready_of

PULSE_S = 1.0
# A child that the program itself has reaped, as by ``waitpid(-1)`` in a handler of SIGCHLD; multiprocessing says the
# same number where it does not know the code.
UNKNOWN_CODE = 255
OWN_CHILDREN = ("fork", "spawn")  # those of a fork server are not children of this process
REAPED_S = 0.01
# Here a process ends its pools in order.
ENDS_POOLS = ("final-validation", "predict", "preprocess", "shutdown")
MAIN = layout.ROLES.index("main")
# multiprocessing runs finalizers of priority 0 and above, terminates daemons, then runs the rest.
BEFORE_DAEMONS_END, AFTER_DAEMONS_END = 1000, -1000


class _State:
    """What this process knows about its children; a forked child starts with a new one (``owner`` differs)."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.known: dict[int, tuple[Any, str, int | None]] = {}
        self.ending: dict[int, bool] = {}  # PIDs that we end ourselves -> whether as expected
        self.peeked: set[int] = set()  # PIDs whose exit code is read without reaping them
        self.gently: set[int] = set()  # of these, those that get no stronger signal than SIGTERM
        self.leaving = False
        self.loaders: Any = None
        self.pulse: threading.Thread | None = None


_state = _State()


def _own_state() -> _State:
    global _state
    if _state.owner != os.getpid():
        _state = _State()
    return _state


def adopt(process: Any, role: str, index: int | None = None, *, peek: bool = False) -> None:
    """Register a child process, so that its end is reported. The first one also starts the pulse.

    ``role``, ``index``: what the child is, and its number among the workers.
    ``peek``: another library must be the one to reap it, because it reads from the exit code how its worker ended.
    """
    state = _own_state()
    if process.pid is not None:
        if peek:
            state.peeked.add(process.pid)
        state.known[process.pid] = (process, role, index)  # the pulse may have found it without its role
    start_pulse()


def watch_queues(loaders: Any) -> None:
    """Read the queues of these augmenters at every pulse."""
    _own_state().loaders = loaders


def ending(processes: Iterable[Any], *, expected: bool, gently: bool = False) -> None:
    """Record that this process is about to end these children, so that their death is not taken as a cause.

    ``expected``: the event of their end says that it was planned, not a failure.
    ``gently``: this process sends at most SIGTERM, so a child that ended by another signal was killed by somebody else.
    That happens if the program gives up because the pipes of a dying child closed.
    """
    state = _own_state()
    for process in processes:
        if process.pid is not None:
            state.ending[process.pid] = expected
            (state.gently.add if gently else state.gently.discard)(process.pid)


def report(processes: Iterable[Any]) -> None:
    """Report each child that has ended, once. Reading the exit code reaps it, as batchgenerators does itself."""
    state = _own_state()
    for process in processes:
        try:
            pid = process.pid
            expected = state.ending.get(pid)
            code = peek_exit_code(process) if pid in state.peeked else process.exitcode
        except ValueError:  # closed: the code that closed it has read its exit code
            continue
        if code is None or state.ending.get(pid) is not expected:
            continue  # another thread is about to end it, and has reported it if it had ended before
        known = state.known.pop(pid, None)  # pop: only one thread reports it
        if known is not None:
            state.ending.pop(pid, None)
            if pid in state.gently and _is_killed(code):
                expected = None
            RUNTIME.emit(
                "worker-ended",
                pid=pid,
                exit_code=None if code == UNKNOWN_CODE else code,
                role=known[1],
                worker_index=known[2],
                by_parent=expected is not None or (state.leaving and not _is_killed(code)),
                aborted=_is_aborted(state),
                expected=bool(expected) or (code == 0 and RUNTIME.phase() == "shutdown"),
            )


def _is_killed(code: int) -> bool:
    # At its own end a process ends its workers with SIGTERM: any other signal came from elsewhere, shortly before.
    return code < 0 and code not in (-signal.SIGTERM, UNKNOWN_CODE)


def peek_exit_code(process: Any) -> int | None:
    """Return the exit code of a child without reaping it, negative for a signal; None while it runs."""
    try:
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # reaped, or started by a fork server
        return _exit_code_of_reaped(process)
    if ended is None:
        return None
    return -ended.si_status if ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED) else ended.si_status


def _exit_code_of_reaped(process: Any) -> int | None:
    code: int | None = process.exitcode
    if code is None and process._parent_pid == os.getpid() and getattr(process._popen, "method", "") in OWN_CHILDREN:
        time.sleep(REAPED_S)  # another thread of ours may have reaped it just now
        code = process.exitcode
        return UNKNOWN_CODE if code is None else code
    return code


def _is_aborted(state: _State) -> bool:
    # Whether an augmenter has asked its workers to return. Its lock is not taken: a stopped worker may hold it.
    if state.loaders is None:
        return True  # unknown who asked them
    for augmenter in (state.loaders.train(), state.loaders.val()):
        flag = getattr(getattr(augmenter, "abort_event", None), "_flag", None)
        if flag is not None and flag._semlock._get_value() > 0:
            return True
    return False


def start_pulse() -> None:
    """Start a heartbeat once a second in this process; a fork does not inherit the thread."""
    state = _own_state()
    if state.pulse is not None:
        return
    state.pulse = threading.Thread(target=_beat, name="holter-pulse", daemon=True)
    state.pulse.start()
    with quietly("at-exit"):
        from multiprocessing.util import Finalize

        Finalize(None, _before_daemons_end, exitpriority=BEFORE_DAEMONS_END)
        Finalize(None, _after_daemons_end, exitpriority=AFTER_DAEMONS_END)
        _watch_terminate()


def _before_daemons_end() -> None:
    state = _own_state()
    with contextlib.suppress(Exception):
        report([process for process, _, _ in list(state.known.values())])  # those that this exit has not ended
    state.leaving = True


def _after_daemons_end() -> None:
    try:
        report([process for process, _, _ in list(_own_state().known.values())])
        RUNTIME.cleanup()
    except Exception:
        pass


def _watch_terminate() -> None:
    # Record which children this process itself terminates (such as a pool's workers): exit code -15 alone would look
    # like a kill from outside.
    from multiprocessing.process import BaseProcess

    original = BaseProcess.terminate
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def terminate(self: Any) -> None:
        with quietly("terminate"):
            _own_state().ending.setdefault(self.pid, RUNTIME.phase() in ENDS_POOLS)
        original(self)

    BaseProcess.terminate = terminate  # type: ignore[method-assign]


def _beat() -> None:
    owner = os.getpid()
    name_thread()
    named: set[int] = set()
    while owner == os.getpid():
        with quietly("pulse"):
            name_collectors(named)
            poll(_own_state())
            RUNTIME.check_stack_signal()
            if RUNTIME.page.role == MAIN:
                control.poll_requests()
        time.sleep(PULSE_S)


def poll(state: _State) -> None:
    """Do one pulse: heartbeat, queues, children that have started or ended."""
    page = RUNTIME.page
    page.pulse = time.monotonic()
    page.queues = _queues(state.loaders)
    page.write_pulse()
    living = _all_children()
    for process in living:
        if process.pid is None or process.pid in state.known or process.pid in state.peeked:
            continue
        if process.exitcode is None:
            role = _role_of(process)
            state.known.setdefault(process.pid, (process, role, None))
    report([process for process, _, _ in list(state.known.values())])


def _role_of(process: Any) -> str:
    phase = RUNTIME.phase()
    if phase == "final-validation":
        return "export-worker"
    is_server = process.name.startswith("SyncManager")
    return "pool-worker" if phase in ("predict", "preprocess") and not is_server else "other"


def _all_children() -> list[Any]:
    from multiprocessing import process

    return list(getattr(process, "_children", ()))


def _queues(loaders: Any) -> tuple[int, int, int, int]:
    # Lengths and capacities of the queues used in this phase, without taking a lock.
    nothing = (layout.UNKNOWN,) * 4
    if loaders is None:
        return nothing
    augmenter = loaders.val() if RUNTIME.phase() in ("validate", "epoch-end") else loaders.train()
    made, ready = queues_of(augmenter), ready_of(augmenter)
    if not made or ready is None:
        return nothing
    try:
        in_made = sum(int(queue.qsize()) for queue in made)  # computed from a semaphore's value: no lock
    except (NotImplementedError, AttributeError, OSError, ValueError):
        in_made = layout.UNKNOWN
    size = int(getattr(augmenter, "num_cached", layout.UNKNOWN))
    most = sum(int(getattr(queue, "_maxsize", size)) for queue in made)
    return in_made, most, len(ready.queue), int(ready.maxsize)
