"""Workers that outlived their main process: they are reported, or ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from holter.records import ActionTaken, Noted
from holter.supervisor.healing.end_group import PROCESSES
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.recorder import Recorder

GONE_WITHIN_S = 5.0  # workers hold no GPU memory


def leave_no_orphans(recorder: Recorder, clock: RunClock, generation: int, *, end: bool) -> tuple[int, ...]:
    """Report workers that outlived their main process; kill them if ``end``, else return their PIDs."""
    pids = recorder.sources.find_workers(clock.t_s())
    if not pids:
        return ()
    recorder.add(Noted(t_s=clock.t_s(), what="orphans-left", text=" ".join(map(str, pids))))
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
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until_s = time.monotonic() + GONE_WITHIN_S
        while recorder.sources.find_workers(clock.t_s()) and time.monotonic() < until_s:
            time.sleep(0.05)
    recorder.safe_tick()
    return () if end else pids
