"""Two real processes in one collective: whose data is late, seen from their heartbeats alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from holter.causes import diagnose
from holter.evidence import collect
from holter.probes.heartbeat import HeartbeatProbe
from holter.records import Episode, Tick
from holter.tape import Recording

RANKS = Path(__file__).with_name("toy_ranks.py")


@pytest.fixture
def ranks(hooked, tmp_path):
    """Two ranks that train until the test is over, and a probe on their pages."""
    go_on, fault = tmp_path / "go-on", tmp_path / "fault"
    go_on.touch()
    # Each leads a session of its own, so that both are ended with the test.
    arguments = ("2", tmp_path / "meeting", go_on, fault)
    processes = [hooked.start(RANKS, str(rank), *arguments) for rank in (0, 1)]
    return processes, HeartbeatProbe(hooked.scratch, time.monotonic()), fault


def main_beats(probe: HeartbeatProbe):
    return {beat.pid: beat for beat in probe.read(0.0).samples if beat.role == "main"}


def test_the_rank_whose_worker_hangs_is_behind_and_the_other_waits_for_it(ranks, wait_until):
    (first, second), probe, fault = ranks
    wait_until(lambda: len(main_beats(probe)) == 2 and all(b.steps_total > 5 for b in main_beats(probe).values()))
    fault.write_text("hang")
    wait_until(lambda: main_beats(probe)[second.pid].waits_for == "train-batch" and _stands(probe))
    ticks = tuple(Tick(t_s=float(second_), beats=tuple(main_beats(probe).values())) for second_ in range(12))
    recording = Recording(all_ticks=ticks)
    episode = Episode(kind="stall", start_s=2.0, alarm_s=10.0, subject="training", pid=first.pid)
    evidence = collect(recording, episode)
    assert evidence.fact("ddp.ranks").value == 2
    assert evidence.fact("ddp.behind").value == (f"PID {second.pid} (waits for train-batch)",)
    named = {verdict.cause: verdict.verdict for verdict in diagnose(recording, episode).verdicts}
    assert named["nccl-p2p-broken"] == "excluded"
    assert named["ddp-collective-timeout"] in ("possible", "likely", "confirmed")
    os.killpg(first.pid, 9)


def _stands(probe: HeartbeatProbe) -> bool:
    before = {pid: beat.steps_total for pid, beat in main_beats(probe).items()}
    time.sleep(1.0)
    return before == {pid: beat.steps_total for pid, beat in main_beats(probe).items()}
