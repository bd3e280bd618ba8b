"""Whose stacks are taken, and when: first of those that are waited for, and only while it matters."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from holter.records import Episode, Phase, ProcessSample, Tick
from holter.supervisor.recording.investigation import WORKERS_DUMPED, Investigator, concerned


@pytest.mark.parametrize(
    ("phase", "role"), [("train", "train-worker"), ("validate", "val-worker"), ("final-validation", "export-worker")]
)
def test_workers_that_are_waited_for_come_first_however_late_they_were_born(phase: Phase, role: str) -> None:
    roles = ("val-worker", "export-worker", "train-worker")  # eldest first; replaced ones are the youngest
    processes = [ProcessSample(t_s=0.0, pid=1, role="main")]
    processes += [
        ProcessSample(t_s=0.0, pid=100 * place + n, role=role) for place, role in enumerate(roles, 1) for n in range(12)
    ]
    chosen = concerned(Episode(kind="stall", phase=phase, start_s=0.0, alarm_s=0.0), processes)
    assert list(chosen.values())[:13] == ["main", *[role] * 12]
    assert len(chosen) == 1 + WORKERS_DUMPED


def test_no_stacks_are_taken_after_an_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would show a healthy run, under the time of the request."""
    investigator = Investigator(tmp_path, lambda _: None, lambda _: None)
    asked: list[float] = []
    monkeypatch.setattr(investigator._dumper, "start", lambda _, t_s: asked.append(t_s))
    busy = [True]  # with an earlier sweep, as on a machine with much to do
    monkeypatch.setattr(type(investigator._dumper), "busy", property(lambda _: busy[0]))
    processes = (ProcessSample(t_s=9.0, pid=os.getpid(), role="main"),)
    first, second = (Episode(kind="stall", start_s=s, alarm_s=s) for s in (9.0, 12.0))
    for episode in (first, second):
        investigator.open(episode, [Tick(t_s=episode.alarm_s, processes=processes)])
    investigator.over(msgspec.structs.replace(first, end_s=13.0))
    busy[0] = False
    investigator.ready([Tick(t_s=14.0, processes=processes)])
    assert asked[0] == 12.0 and 9.0 not in asked, "the first stacks of the second episode, and no more of the first"
