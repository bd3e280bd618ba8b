"""End a training for good, and the command that continues it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable

import psutil

from holter.probes.training_command import parse_training_command

# A main process that is healthy enough to end itself does so within this time; it has saved what it can before.
TERM_WITHIN_S = 5.0
# A killed process gives back its memory, the GPU's too, before it is gone.
GONE_WITHIN_S = 10.0
PRETRAINED = "-pretrained_weights"


def continue_command(command: tuple[str, ...]) -> tuple[str, ...] | None:
    """The command that goes on from the latest checkpoint; None for one that we do not know to continue.

    ``-pretrained_weights`` is left out: nnU-Net refuses it beside ``--c``, and the checkpoint holds their trace.
    """
    parsed = parse_training_command(command)
    if parsed is None:
        return None
    words: list[str] = []
    rest = iter(command)
    for word in rest:
        name, equals, _ = word.partition("=")
        if len(name) > len("-p") + 1 and PRETRAINED.startswith(name):
            if not equals:
                next(rest, None)
            continue
        words.append(word)
    return tuple(words) if parsed.continued or parsed.validation_only else (*words, "--c")


def end_group(child: subprocess.Popen[bytes], living: Callable[[], frozenset[int]]) -> tuple[int, ...]:
    """End the process and all that it started; returns those that cannot be ended (in the kernel, state D).

    A stopped or hanging process does not see SIGTERM: after a while it is SIGKILL, workers included, which a
    main process that is killed leaves behind.
    """
    pids = set(living()) | {child.pid}
    with contextlib.suppress(psutil.NoSuchProcess):
        pids |= {one.pid for one in psutil.Process(child.pid).children(recursive=True)}
    processes = [process for process in map(_process, pids) if process is not None]
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(TERM_WITHIN_S)
    for process in processes:
        _send(process, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GONE_WITHIN_S)
    until = time.monotonic() + GONE_WITHIN_S
    while (left := [one for one in processes if _is_there(one)]) and time.monotonic() < until:
        time.sleep(0.05)
    return tuple(one.pid for one in left)


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _is_there(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
