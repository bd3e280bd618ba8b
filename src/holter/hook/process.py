"""What the operating system knows about this process, and who may trace it."""

from __future__ import annotations

import contextlib
import signal
import threading

STACK_SIGNAL = signal.SIGUSR2
# Modules of what such threads run, and of tqdm's monitor.
COLLECTS = ("batchgenerators.dataloading.", "torch.utils.data._utils.pin_memory", "tqdm.")
PR_SET_PTRACER = 0x59616D61  # Linux' prctl.h; the option is "Yama" in ASCII


def is_spawned_child() -> bool:
    """Whether multiprocessing started this process by spawn or forkserver, not by fork."""
    try:
        with open("/proc/self/cmdline", "rb") as file:  # noqa: PTH123
            command = file.read()
    except OSError:
        command = b""
    return b"--multiprocessing-fork" in command or b"multiprocessing.forkserver" in command


def signals_in_use() -> set[int]:
    """Return the signals that this process catches or ignores, including handlers installed from C."""
    used: set[int] = set()
    try:
        with open("/proc/self/status", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith((b"SigCgt:", b"SigIgn:")):
                    mask = int(line.split()[1], 16)
                    used.update(number for number in range(1, 65) if mask >> (number - 1) & 1)
    except (OSError, ValueError):
        if signal.getsignal(STACK_SIGNAL) != signal.SIG_DFL:
            used.add(STACK_SIGNAL)
    return used


def name_thread() -> None:
    """Give this thread its Python name in the kernel too, so that its wakes are not taken for the program's."""
    with contextlib.suppress(Exception), open("/proc/thread-self/comm", "w") as file:  # noqa: PTH123
        file.write(threading.current_thread().name[:15])


def name_collectors(named: set[int]) -> None:
    """Name in the kernel the threads that collect batches, and a progress bar's: they wake while nothing happens, too.

    ``named``: native IDs of the threads that have their name; new ones are added.
    """
    alive = {thread.native_id: thread for thread in threading.enumerate() if thread.native_id is not None}
    named.intersection_update(alive)
    for number in alive.keys() - named:
        named.add(number)
        runs = getattr(alive[number], "_target", None) or type(alive[number])
        if (getattr(runs, "__module__", None) or "").startswith(COLLECTS):
            with contextlib.suppress(OSError), open(f"/proc/self/task/{number}/comm", "w") as file:  # noqa: PTH123
                file.write("collects-batch")


def allow_tracing() -> bool:
    """Let every process of this user attach a stack dumper if Yama allows only parents (scope 1); True if it worked."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", "rb") as file:  # noqa: PTH123
            if file.read().strip() != b"1":
                return False
    except OSError:
        return False
    import ctypes

    anyone = ctypes.c_ulong(-1)
    zero = ctypes.c_ulong(0)
    done: int = ctypes.CDLL(None).prctl(PR_SET_PTRACER, anyone, zero, zero, zero)
    return done == 0
