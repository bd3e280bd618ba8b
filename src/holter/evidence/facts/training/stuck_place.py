"""The place where all stacks of one process are stuck: the frame, whose code it is, and what the process waits for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from holter.evidence.frames import NETWORK, main_thread
from holter.evidence.owners import HOOK, owner_of
from holter.evidence.window import Window, mean_cpu
from holter.patterns import later
from holter.records import Frame, StackDump, ThreadStack

# A process that uses this much of a core computes; what it waits for at single samples does not count.
COMPUTES = 0.5
READY_PART = 0.6

LOOPS = ("python-loop", "native-loop")
# Nobody knows how long a person takes.
PERSON = "person"
OTHER = "other"

# Frames that every training has: different frames below them mean progress.
_OUTERMOST = ("<module>", "run_training", "run_training_entry", "run_ddp", "_run_code", "_run_module_as_main", "main")
# Different PyTorch or nnU-Net code below one of these means a slow step.
_STEPS = ("train_step", "validation_step")
_BY_CALL = {
    "futex": "lock", "semtimedop": "lock", "recvfrom": "socket", "recvmsg": "socket", "connect": "socket",
    "accept": "socket", "accept4": "socket", "flock": "file-lock", "fcntl": "file-lock", "nanosleep": "sleep",
    "clock_nanosleep": "sleep", "wait4": "child", "waitid": "child", "poll": "poll", "ppoll": "poll",
    "select": "poll", "pselect6": "poll", "epoll_wait": "poll", "epoll_pwait": "poll", "fsync": "file",
    "fdatasync": "file", "openat": "file", "close": "file", "pread64": "file", "pwrite64": "file",
}  # fmt: skip
_BY_CHANNEL = (
    (later(r"futex"), "lock"),
    (later(r"sk_wait|inet_csk|tcp_|unix_(?:stream|dgram)|skb_wait|wait_for_more_packets"), "socket"),
    (later(r"locks?_|flock|posix_lock"), "file-lock"),
    (later(r"pipe_"), "pipe"),
    (later(r"nanosleep|hrtimer"), "sleep"),
    (later(r"do_wait"), "child"),
    (later(r"poll|select"), "poll"),
)
_DEBUGGERS = later(
    r"/python3(?:\.\d+)?/(?:pdb|code|_pyrepl/\w+)\.py$|-packages/(?:ipdb|pudb|IPython|ipykernel|debugpy|pydevd|"
    r"_pydevd_\w+|prompt_toolkit)/"
)
_TERMINALS = later(r"^/dev/(?:pts/\d+|tty\w*|console)$")


class Place(NamedTuple):
    """Where a process is stuck."""

    frame: Frame
    owner: str
    kind: str


def stuck_place(dumps: Sequence[StackDump], window: Window) -> Place | None:
    """Return the place that all stacks of a process share; None if they share none."""
    pid = dumps[0].pid
    threads = [thread for dump in dumps if (thread := main_thread(dump)) is not None and thread.frames]
    if len(threads) < 2:
        return None
    paths = [tuple(reversed([frame for frame in thread.frames if not HOOK.search(frame.file)])) for thread in threads]
    shared = 0
    for frames in zip(*paths, strict=False):
        if len({(frame.file, frame.function, frame.line) for frame in frames}) > 1:
            break
        shared += 1
    moved = any(len(path) > shared for path in paths)
    if moved and all(len(path) > shared for path in paths):
        same = {(path[shared].file, path[shared].function) for path in paths}
        shared += len(same) == 1  # the same function, at different lines
    frame = _telling(paths[0][:shared])
    if frame is None or (moved and _is_on_its_way(frame, paths)):
        return None
    computes = _computes(threads, window, pid)
    if moved and not computes:
        return None  # it changes place and mostly sleeps: it is working
    kind = ("python-loop" if moved else "native-loop") if computes else _kind(threads[-1], window, pid)
    return Place(frame, owner_of(frame), kind)


def waits_for(dumps: Sequence[StackDump], window: Window) -> str | None:
    """Return what the main thread waits for in all of these dumps, by the kernel alone: they need no frames.

    None if it is not the same in all, or if the process computes.
    """
    threads = [thread for dump in dumps if (thread := main_thread(dump)) is not None]
    if not threads or _computes(threads, window, dumps[0].pid):
        return None
    kinds = {_kind(thread, window, dumps[0].pid) for thread in threads}
    return kinds.pop() if len(kinds) == 1 else None


# Whether stacks that differ below this frame belong to a training that continues.
def _is_on_its_way(frame: Frame, paths: Sequence[tuple[Frame, ...]]) -> bool:
    function = frame.function.rsplit(".", 1)[-1]
    own = any(owner_of(path[-1]) == "user" for path in paths if path)
    return function in _OUTERMOST or (function in _STEPS and not own)


# It uses a core, or would if others did not: it was ready to run in its stacks or in most samples.
def _computes(threads: Sequence[ThreadStack], window: Window, pid: int) -> bool:
    thread_states = [thread.state for thread in threads if thread.state]
    if thread_states:
        return 2 * thread_states.count("R") > len(thread_states)
    states = [process.state for tick in window.during for process in tick.processes if process.pid == pid]
    is_ready = states.count("R") > READY_PART * len(states)
    return (mean_cpu(window.during, pid) or 0.0) >= COMPUTES or is_ready


# The most useful frame: the innermost user code below nnU-Net's, else the innermost outside the standard library.
def _telling(path: Sequence[Frame]) -> Frame | None:
    owners = [owner_of(frame) for frame in path]
    begin = max((place for place, owner in enumerate(owners) if owner == "nnunet"), default=-1)
    own = [frame for frame, owner in zip(path[begin + 1 :], owners[begin + 1 :], strict=True) if owner == "user"]
    if own:
        return own[-1]
    plain = [frame for frame, owner in zip(path, owners, strict=True) if owner != "python"]
    return plain[-1] if plain else (path[-1] if path else None)


# What it waits for, by the kernel.
def _kind(thread: ThreadStack, window: Window, pid: int) -> str:
    latest = next(
        (process for tick in reversed(window.during) for process in tick.processes if process.pid == pid), None
    )
    call = thread.syscall or (latest.syscall if latest else None)
    channel = thread.wait_channel or (latest.wait_channel if latest else None) or ""
    file = (latest.syscall_file if latest else None) or ""
    if _asks_a_person(thread) or (call in ("read", "select", "pselect6") and _TERMINALS.search(file)):
        return PERSON
    if any(NETWORK.search(frame.file) for frame in thread.frames) or file.startswith("socket:"):
        return "socket"
    if file.startswith("pipe:"):
        return "pipe"
    by_channel = next((kind for pattern, kind in _BY_CHANNEL if pattern.search(channel)), None)
    if by_channel is not None:
        return by_channel
    if call in _BY_CALL:
        return _BY_CALL[call]
    return "file" if call in ("read", "write") or thread.state == "D" else OTHER


# A program that was started below a debugger has it in its outermost frames only.
def _asks_a_person(thread: ThreadStack) -> bool:
    inner = itertools.takewhile(lambda frame: owner_of(frame) not in ("user", "nnunet", "torch"), thread.frames)
    return any(_DEBUGGERS.search(frame.file) for frame in inner)
