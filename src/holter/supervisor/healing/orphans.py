"""Workers that outlived their main process: they are reported, or ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import msgspec

from holter.probes.machine.environment import process_command
from holter.probes.process.activity import MarkReader
from holter.probes.process.lock_holders import orphaned_holders
from holter.probes.process.process_files import started
from holter.probes.process.process_roles import is_helper, is_python
from holter.records import ActionTaken, Noted
from holter.supervisor.healing.end_group import PROCESSES
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.recording.sources import Left

GONE_WITHIN_S = 5.0  # workers hold no GPU memory


def leave_no_orphans(
    recorder: Recorder,
    clock: RunClock,
    generation: int,
    *,
    end: bool,
    is_good: bool = False,
    inherited: tuple[int, ...] = (),
) -> Left:
    """Report workers that outlived their main process; kill them if ``end``, else return their PIDs.

    Main processes that outlived the command (a script that started the training in the background) are returned too:
    these and their workers are never touched.

    ``is_good``: the training has ended with exit code 0.
    ``inherited``: descriptors that the training inherited. They show also a worker that was forked in the very moment
    in which its main process was killed, and that no reading ever saw.
    """
    files = tuple(str(Path(f"/proc/self/fd/{descriptor}").readlink()) for descriptor in inherited)

    def look() -> Left:
        left = recorder.sources.find_left(clock.t_s(), is_good=is_good)
        held = (pid for file in files for pid in orphaned_holders(file))
        return left._replace(orphans=tuple(dict.fromkeys((*left.orphans, *held))))

    left = look()
    pids = left.orphans
    if not pids:
        return left
    recorder.add(Noted(t_s=clock.t_s(), what="orphans-left", text=" ".join(map(str, pids)), pids=pids))
    if end:
        action = ActionTaken(
            t_s=clock.t_s(),
            action="end-group",
            state="begun",
            message=PROCESSES(count=len(pids)),
            pids=pids,
            generation=generation,
        )
        recorder.act(action)
        recorder.safe_tick()  # the detectors must know before it happens that Holter causes these deaths
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        until_s = time.monotonic() + GONE_WITHIN_S
        while (still := look().orphans) and time.monotonic() < until_s:
            time.sleep(0.05)
        if not still:  # their ends may not have been read yet
            recorder.act(msgspec.structs.replace(action, t_s=clock.t_s(), state="done"))
    recorder.safe_tick()
    return left._replace(orphans=()) if end else left


def left_in_background(mark: str) -> tuple[int, ...]:
    """Return the PID of the oldest Python that the run has started and that still runs, if there is one.

    A script may put its training into the background and end before any reading has seen it. Helpers of a Python that
    has ended do not count. ``mark``: a variable in the environment of all that the run starts, ``NAME=value``.
    """
    since_ticks = started(os.getpid()) or 0
    found = ((pid, process_command(pid)) for pid in MarkReader(mark).find((), since_ticks))
    pids = (pid for pid, command in found if is_python(command) and not is_helper(command))
    return tuple(sorted(pids, key=lambda pid: started(pid) or 0)[:1])
