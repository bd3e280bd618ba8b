"""Whose stacks are taken: first of those that are waited for."""

from __future__ import annotations

import pytest

from holter.records import Episode, Phase, ProcessSample
from holter.supervisor.recording.investigation import WORKERS_DUMPED, concerned


@pytest.mark.parametrize(
    ("phase", "role"), [("train", "train-worker"), ("validate", "val-worker"), ("final-validation", "export-worker")]
)
def test_workers_that_are_waited_for_come_first_however_late_they_were_born(phase: Phase, role: str) -> None:
    roles = ("val-worker", "export-worker", "train-worker")  # eldest first; replaced ones are the youngest
    processes = [ProcessSample(t_s=0.0, pid=1, role="main")]
    processes += [
        ProcessSample(t_s=0.0, pid=100 * place + n, role=one) for place, one in enumerate(roles, 1) for n in range(12)
    ]
    chosen = concerned(Episode(kind="stall", phase=phase, start_s=0.0, alarm_s=0.0), processes)
    assert list(chosen.values())[:13] == ["main", *[role] * 12]
    assert len(chosen) == 1 + WORKERS_DUMPED
