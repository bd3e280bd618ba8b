"""What Holter ended: its own kill is no death, however long the kernel holds the process, and no longer than that."""

from __future__ import annotations

import pytest

from holter.detectors import detect
from holter.records import ActionTaken, Beat, Event, ProcessBorn, ProcessEnded, ProcessSample, Tick

MAIN, WORKERS = 20, (21, 22)
REPLACES = ActionTaken(t_s=20.0, action="replace-workers", state="begun", source="hook", pids=WORKERS)


def deaths(*events: Event) -> list[int | None]:
    """Return the PIDs that the episodes of death in a training of 300 s are about."""
    ticks = [
        Tick(
            t_s=float(t_s),
            processes=tuple(
                ProcessSample(
                    t_s=t_s, pid=pid, role="main" if pid == MAIN else "train-worker", state="R", cpu_ratio=1.0
                )
                for pid in (MAIN, *WORKERS)
            ),
            beats=(Beat(t_s=t_s, pid=MAIN, phase="train", steps_total=t_s, progress_total=t_s, progressed_s=t_s),),
            events=tuple(event for event in events if event.t_s == t_s),
        )
        for t_s in range(300)
    ]
    return [episode.pid for episode in detect(ticks) if episode.kind == "death"]


@pytest.mark.parametrize("source", ["pidfd", "hook"])
def test_a_worker_that_the_kernel_let_go_minutes_after_its_kill_is_no_death(source: str) -> None:
    """A share hangs, a worker dies, the hook ends the others: those in state D end when the share answers."""
    born = [ProcessBorn(t_s=1.0, pid=pid, role="train-worker") for pid in WORKERS]
    end = ProcessEnded(t_s=200.0, pid=21, role="train-worker", worker_index=1, exit_signal=9, source=source)
    assert deaths(*born, REPLACES, end) == []


def test_the_next_process_with_the_same_pid_dies_for_itself() -> None:
    born = [ProcessBorn(t_s=t_s, pid=21, role="train-worker") for t_s in (1.0, 120.0)]
    end = ProcessEnded(t_s=200.0, pid=21, role="train-worker", worker_index=1, exit_signal=9, source="pidfd")
    assert deaths(*born, REPLACES, end) == [21]
    assert deaths(REPLACES, end) == [21], "no births are recorded: only what follows soon was Holter's"
