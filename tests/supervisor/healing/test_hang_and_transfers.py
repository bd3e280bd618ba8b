"""A main process that waits for a transfer is never restarted; one that waits for nothing is. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.probes.process.activity import marked
from holter.probes.process.process import ProcessProbe
from holter.records import ActionTaken, Beat, Tick
from holter.supervisor.healing import main_hang
from holter.supervisor.healing.main_hang import MainHang
from holter.supervisor.run_activity import RunActivity
from supervisor import uploads

# Instead of fifteen minutes, and announced five before.
SCALED = {"FLOOR_S": 24.0, "ANNOUNCED_S": 6.0}
FOR_S, AT_MOST_S = 40.0, 240.0  # on a busy machine a gap begins the time again


class Waits:
    """A process of ``uploads.py``, and what would be done with it if it were the main process of a training."""

    def __init__(self, way: str, folder: Path) -> None:
        self.scratch = folder / f"holter-{way}"
        self.process = subprocess.Popen(
            [sys.executable, uploads.__file__, way],
            env={**os.environ, "HOLTER_SCRATCH": str(self.scratch)},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout is not None and self.process.stdout.readline()
        self.said: list[ActionTaken] = []
        self.due_s: float | None = None
        pid = self.process.pid
        self.probe = ProcessProbe(pid, hints={pid: ("main", None)})
        self.hang = MainHang(self.said.append, limit_s=None, off=False, activity=RunActivity(self.scratch))

    def see(self, t_s: float) -> None:
        samples = self.probe.read(t_s).samples
        # One step was done, and then the wait began.
        beat = Beat(t_s=t_s, pid=self.process.pid, phase="train", progress_total=5, steps_total=5)
        tick = Tick(t_s=t_s, processes=samples, beats=(beat,))  # type: ignore[arg-type]
        self.hang.see(tick)
        if self.due_s is None and self.hang.is_due(tick):
            self.due_s = t_s

    def end(self) -> None:
        own = {*marked(f"HOLTER_SCRATCH={self.scratch}", ()), self.process.pid}
        servers = {server for pid in own for server in marked(f"FAR_OF={pid}", ())}
        for pid in own | servers:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.probe.close()


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Waits]]:
    for name, value in SCALED.items():
        monkeypatch.setattr(main_hang, name, value)
    waits: dict[str, Waits] = {}
    try:
        for way in (*uploads.WORKS, *uploads.STANDS):
            waits[way.__name__] = Waits(way.__name__, tmp_path)
        time.sleep(5.0)  # for their servers
        began_s = time.monotonic()
        stands = [waits[way.__name__] for way in uploads.STANDS]
        while (t_s := time.monotonic() - began_s) < FOR_S or any(each.due_s is None for each in stands):
            if t_s > AT_MOST_S:
                break
            for each in waits.values():
                each.see(time.monotonic() - began_s)
            time.sleep(1.0)
        yield waits
    finally:
        for each in waits.values():
            each.end()


@pytest.mark.long
def test_whoever_waits_for_a_transfer_is_left_alone_and_who_waits_for_nothing_is_not(played: dict[str, Waits]) -> None:
    ended = {way for way, each in played.items() if each.due_s is not None}
    assert ended == {way.__name__ for way in uploads.STANDS}
    announced = {way for way, each in played.items() if each.said}
    assert announced == ended, "nor is anything announced"
    assert {each.process.poll() for each in played.values()} == {None}, "every process was still at it"
