"""Holter as PID 1 of a container: it becomes the parent of every orphan, and must collect those that have ended."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from holter.linux.procfs import read_text
from holter.probes.process.process_files import parse_stat

INIT = 1
# Holter's own child processes are collected within a few ticks by the code that started them.
COLLECT_AFTER_S = 10.0


class Adopted:
    """Collects ended child processes (zombies) that Holter did not start, if Holter is PID 1.

    A zombie that nobody collects counts towards the container's limit of processes.
    """

    def __init__(self) -> None:
        self._is_init = os.getpid() == INIT
        self._zombies: dict[int, float] = {}  # PID -> time at which its end was first seen

    def collect(self, t_s: float, training: int) -> None:
        """Remove zombies that are older than COLLECT_AFTER_S, except the training, whose exit code is still needed."""
        if not self._is_init:
            return
        ended = {pid for pid in _children() if pid != training and _has_ended(pid)}
        self._zombies = {pid: self._zombies.get(pid, t_s) for pid in ended}
        for pid, since_s in self._zombies.items():
            if t_s - since_s >= COLLECT_AFTER_S:
                with contextlib.suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)


def _children() -> list[int]:
    # Empty if the kernel keeps no list of children (CONFIG_PROC_CHILDREN).
    files = Path("/proc/self/task").glob("*/children")
    return [int(pid) for file in files for pid in (read_text(file) or "").split()]


def _has_ended(pid: int) -> bool:
    process = parse_stat(read_text(f"/proc/{pid}/stat"))
    return process is not None and process.state == "Z"
