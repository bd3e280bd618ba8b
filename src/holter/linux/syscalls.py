"""Names of the system calls that a training may wait in, for x86_64 and aarch64."""

from __future__ import annotations

import platform
from collections.abc import Mapping

# Numbers from the kernels' own tables (asm/unistd_64.h, asm-generic/unistd.h); only calls that can block or that
# are informative. From 424 on all machines share their numbers.
_SHARED = {
    "pidfd_send_signal": 424,
    "io_uring_enter": 426,
    "pidfd_open": 434,
    "clone3": 435,
    "close_range": 436,
    "openat2": 437,
    "epoll_pwait2": 441,
    "futex_waitv": 449,
    "futex_wait": 455,
}
_X86_64 = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8,
    "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "ioctl": 16, "pread64": 17, "pwrite64": 18, "readv": 19,
    "writev": 20, "access": 21, "select": 23, "sched_yield": 24, "mremap": 25, "msync": 26, "madvise": 28,
    "pause": 34, "nanosleep": 35, "sendfile": 40, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45,
    "sendmsg": 46, "recvmsg": 47, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "exit": 60, "wait4": 61,
    "fcntl": 72, "flock": 73, "fsync": 74, "fdatasync": 75, "truncate": 76, "ftruncate": 77, "getdents": 78,
    "rename": 82, "mkdir": 83, "rmdir": 84, "unlink": 87, "readlink": 89, "rt_sigtimedwait": 128,
    "rt_sigsuspend": 130, "statfs": 137, "fstatfs": 138, "sync": 162, "futex": 202, "io_getevents": 208,
    "getdents64": 217, "restart_syscall": 219, "semtimedop": 220, "fadvise64": 221, "clock_nanosleep": 230,
    "exit_group": 231, "epoll_wait": 232, "waitid": 247, "openat": 257, "newfstatat": 262, "unlinkat": 263,
    "renameat": 264, "readlinkat": 267, "faccessat": 269, "pselect6": 270, "ppoll": 271, "sync_file_range": 277,
    "epoll_pwait": 281, "fallocate": 285, "accept4": 288, "preadv": 295, "pwritev": 296, "recvmmsg": 299,
    "syncfs": 306, "renameat2": 316, "copy_file_range": 326, "preadv2": 327, "pwritev2": 328, "statx": 332,
}  # fmt: skip
_AARCH64 = {
    "io_getevents": 4, "epoll_pwait": 22, "fcntl": 25, "ioctl": 29, "flock": 32, "mkdirat": 34, "unlinkat": 35,
    "renameat": 38, "statfs": 43, "fstatfs": 44, "truncate": 45, "ftruncate": 46, "fallocate": 47,
    "faccessat": 48, "openat": 56, "close": 57, "getdents64": 61, "lseek": 62, "read": 63, "write": 64,
    "readv": 65, "writev": 66, "pread64": 67, "pwrite64": 68, "preadv": 69, "pwritev": 70, "sendfile": 71,
    "pselect6": 72, "ppoll": 73, "readlinkat": 78, "newfstatat": 79, "fstat": 80, "sync": 81, "fsync": 82,
    "fdatasync": 83, "sync_file_range": 84, "exit": 93, "exit_group": 94, "waitid": 95, "futex": 98,
    "nanosleep": 101, "clock_nanosleep": 115, "sched_yield": 124, "restart_syscall": 128, "rt_sigsuspend": 133,
    "rt_sigtimedwait": 137, "semtimedop": 192, "accept": 202, "connect": 203, "sendto": 206, "recvfrom": 207,
    "sendmsg": 211, "recvmsg": 212, "brk": 214, "munmap": 215, "mremap": 216, "clone": 220, "execve": 221,
    "mmap": 222, "fadvise64": 223, "mprotect": 226, "msync": 227, "madvise": 233, "accept4": 242,
    "recvmmsg": 243, "wait4": 260, "syncfs": 267, "renameat2": 276, "copy_file_range": 285, "preadv2": 286,
    "pwritev2": 287, "statx": 291,
}  # fmt: skip

_TABLES = {
    machine: {number: name for name, number in {**own, **_SHARED}.items()}
    for machine, own in (("x86_64", _X86_64), ("aarch64", _AARCH64))
}

# The first argument is the descriptor that the call works on: the process waits for the file behind it.
ON_A_DESCRIPTOR = frozenset({
    "read", "pread64", "readv", "preadv", "preadv2", "write", "pwrite64", "writev", "pwritev", "pwritev2", "fsync",
    "fdatasync", "ftruncate", "fallocate", "fstat", "getdents", "getdents64", "lseek", "close", "flock", "fstatfs",
    "syncfs", "sync_file_range", "fadvise64", "recvfrom", "recvmsg", "recvmmsg", "accept", "accept4", "sendto",
    "sendmsg", "ioctl",
})  # fmt: skip

# The first argument is one more than the highest descriptor: of one alone that is standard input, as readline waits.
OF_SEVERAL = frozenset({"select", "pselect6"})

RUNNING = "running"
# Blocked by the kernel outside any system call: a page must first be read from a file or from swap. nnU-Net maps
# its preprocessed files, so a dead disk shows here and not in a read.
PAGE_FAULT = "page-fault"
_OUTSIDE = -1


def names_of(machine: str) -> Mapping[int, str] | None:
    """Number -> name for a machine as named by ``uname -m``; None if there is no table for it."""
    return _TABLES.get(machine)


def parse_syscall(text: str | None, state: str | None, machine: str | None = None) -> tuple[str | None, int | None]:
    """Name of the call and the descriptor it works on, from the text of ``/proc/PID/syscall``.

    ``17 0x5 0x7f01 0x1000 0x0 0x0 0x0 0x7ffc 0x7f02`` gives ``("pread64", 5)``, ``running`` gives
    ``("running", None)`` and ``-1 0x7ffc 0x7f02`` in state D gives ``("page-fault", None)``.
    """
    words = (text or "").split()
    if not words:
        return None, None
    if words[0] == RUNNING:
        return RUNNING, None
    number = int(words[0])
    if number == _OUTSIDE:
        return (PAGE_FAULT if state == "D" else None), None
    name = (names_of(machine or platform.machine()) or {}).get(number, f"syscall {number}")
    argument = int(words[1], 16) & 0xFFFFFFFF if len(words) > 1 else None
    if name in OF_SEVERAL:
        return name, 0 if argument == 1 else None
    return name, argument if name in ON_A_DESCRIPTOR else None


def syscall_name(text: str | None, machine: str | None = None) -> str | None:
    """Return the name of the call of a thread, from the text of ``/proc/PID/task/TID/syscall``; None outside any."""
    return parse_syscall(text, None, machine)[0]
