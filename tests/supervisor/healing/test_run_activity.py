"""What counts as activity of a run, from look to look."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.probes.process.activity import Activity
from holter.records import ProcessSample, Role, Tick
from holter.supervisor.recording import standing
from holter.supervisor.recording.standing import StandingWatch
from holter.supervisor.run_activity import RunActivity

WAKES = "print(flush=True)\nimport time\nwhile True: time.sleep(0.05)"


@pytest.fixture
def main() -> Iterator[int]:
    """A process that does nothing."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def wakes(tmp_path: Path) -> Iterator[int]:
    """A process of the run whose first thread wakes often."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAKES], env={**os.environ, "HOLTER_SCRATCH": str(tmp_path)}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline()
    yield process.pid
    process.kill()
    process.communicate()


def tick(t_s: float, main: int, pid: int | None = None, role: Role = "other") -> Tick:
    own = (ProcessSample(t_s=t_s, pid=main, role="main"),)
    return Tick(
        t_s=t_s, processes=own if pid is None else (*own, ProcessSample(t_s=t_s, pid=pid, ppid=main, role=role))
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "active"),
    [("other", True), ("compile-worker", False), ("resource-tracker", False), ("train-worker", False)],
)
def test_the_watchdog_of_a_compile_worker_is_no_activity(
    main: int, wakes: int, tmp_path: Path, role: Role, active: bool
) -> None:
    activity = RunActivity(tmp_path)
    assert activity.see(tick(0.0, main, wakes, role), 1.0) is False
    time.sleep(0.7)
    assert activity.see(tick(1.0, main, wakes, role), 1.0) is active


@pytest.mark.slow
def test_what_has_left_the_run_counts_though_it_started_before_holter_looked(
    main: int, wakes: int, tmp_path: Path
) -> None:
    activity = RunActivity(tmp_path)
    assert activity.see(tick(0.0, main), 1.0) is False
    time.sleep(0.7)
    assert activity.see(tick(1.0, main), 1.0) is True


def test_an_error_of_holters_own_does_not_end_the_recording_nor_a_training(tmp_path: Path, monkeypatch) -> None:
    def fails(*_: object, **__: object) -> bool:
        raise ValueError("not a table that anyone has seen")

    monkeypatch.setattr(Activity, "look", fails)
    assert RunActivity(tmp_path).see(Tick(t_s=0.0), 1.0) is True


@pytest.mark.parametrize(("answer", "again"), [(True, 1), (None, 0), (False, 0)])
def test_who_cannot_be_seen_to_work_is_still_reported_to_stand(answer, again, tmp_path: Path, monkeypatch) -> None:
    begun = []
    began = {"since_s": 1.0, "limit_s": 600.0, "is_plain": True}
    keeper = SimpleNamespace(**began, see=lambda _: None, begin_again=lambda: begun.append(1))
    monkeypatch.setattr(standing, "StandingKeeper", lambda: keeper)
    looks = SimpleNamespace(forget=lambda: None, see=lambda *_: answer)
    monkeypatch.setattr(standing, "RunActivity", lambda _: looks)
    watch = StandingWatch(lambda: pytest.fail("too early"), tmp_path, lambda _: None)
    watch.see(Tick(t_s=2.0, processes=(ProcessSample(t_s=2.0, pid=os.getpid(), role="main"),)))
    watch.close()
    assert len(begun) == again
