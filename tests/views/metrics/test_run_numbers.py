"""Ticks, events and episodes -> numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from metrics_replay import FAULTS, QUIET, ZERO, Replay
from promtool import name_of

from holter.records import (
    ActionTaken,
    Beat,
    Environment,
    Episode,
    EpochEnded,
    GpuProcess,
    GpuSample,
    Judged,
    ProcessSample,
    Tick,
)
from holter.views.metrics import names
from holter.views.metrics.exposition import exposed
from holter.views.metrics.run_numbers import RunNumbers
from holter.views.metrics.wall_time import WallTime


def values_of(numbers: RunNumbers, metric: names.Metric, now_s: float = 0.0) -> dict[tuple[str, ...], float]:
    return {value.labels: value.value for value in numbers.values(now_s) if value.metric is metric}


def begun() -> RunNumbers:
    numbers = RunNumbers()
    numbers.learn(Environment(wall_start=ZERO, num_epochs=10))
    return numbers


def incident(number: int, cause: str | None, numbers: RunNumbers, end_s: float | None = None) -> None:
    start_s = float(number)
    numbers.mark(Episode(kind="stall", start_s=start_s, alarm_s=start_s, end_s=end_s, detector="d", subject="training"))
    numbers.hear(Judged(t_s=start_s, detector="d", subject="training", start_s=start_s, cause=cause))


@pytest.mark.parametrize("tape", [*QUIET, *FAULTS], ids=lambda tape: f"{tape.parent.name}-{tape.stem}")
def test_no_tape_has_more_series_than_said_or_tells_of_a_case_a_path_or_a_process(tape: Path) -> None:
    replay = Replay(tape)
    for part in (0.3, 0.7, 1.0):
        values = list(replay.until(part * replay.end_s).values(part * replay.end_s))
        assert len({(value.metric, value.labels) for value in values}) == len(values) <= names.MOST_SERIES
        assert sum(value.value for value in values if value.metric is names.STATE) == 1.0
    words = [word for value in values for word in value.labels]
    cases = {beat.case for tick in replay.recording.all_ticks for beat in tick.beats if beat.case}
    pids = {str(process.pid) for tick in replay.recording.all_ticks for process in tick.processes}
    assert not cases & set(words)
    assert not pids & {word for word in words if len(word) > 2}  # a fold or a GPU may have a short number
    labels = re.findall(r'="([^"]*)"', exposed(name_of(replay), values).decode())
    assert not [label for label in labels if "/" in label]


def test_more_of_everything_stays_below_the_most() -> None:
    numbers = begun()
    for number in range(40):
        incident(number, f"cause-{number}", numbers)
        numbers.hear(ActionTaken(t_s=100.0 * number, action="restart", state="done", generation=number))
    for action in ("replace-workers", "restart", "export-again", "wait", "set-aside-checkpoint"):
        for number, state in enumerate(("done", "failed", "proposed")):
            numbers.hear(ActionTaken(t_s=5000.0 + 100 * number, action=action, state=state))  # type: ignore[arg-type]
    gpus = tuple(GpuSample(t_s=40.0, index=index, utilization_ratio=0.5) for index in range(16))
    numbers.see(Tick(t_s=40.0, gpus=gpus))
    assert len(list(numbers.values(41.0))) <= names.MOST_SERIES
    counts = values_of(numbers, names.INCIDENTS)
    assert sum(counts.values()) == 40
    assert counts["other",] == 40 - names.MOST_CAUSES
    assert len(values_of(numbers, names.GPU)) == names.MOST_GPUS


def test_counters_only_grow_though_causes_are_judged_again() -> None:
    numbers = begun()
    incident(1, None, numbers)
    assert values_of(numbers, names.INCIDENTS) == {}, "its cause may still be named"
    assert values_of(numbers, names.OPEN) == {("stall", "unknown"): 1.0}
    numbers.hear(Judged(t_s=5.0, detector="d", subject="training", start_s=1.0, cause="frozen-worker"))
    assert values_of(numbers, names.INCIDENTS) == {("frozen-worker",): 1.0}
    numbers.hear(Judged(t_s=9.0, detector="d", subject="training", start_s=1.0, cause="slow-storage"))
    assert values_of(numbers, names.INCIDENTS) == {("frozen-worker",): 1.0}
    assert values_of(numbers, names.OPEN) == {("stall", "slow-storage"): 1.0}
    incident(2, None, numbers, end_s=3.0)
    assert values_of(numbers, names.INCIDENTS) == {("frozen-worker",): 1.0, ("unknown",): 1.0}


def test_totals_go_on_over_a_restart() -> None:
    numbers = begun()
    for t_s, pid, steps in ((1.0, 7, 10), (2.0, 7, 25), (3.0, 8, 0), (4.0, 8, 5)):
        beat = Beat(t_s=t_s, pid=pid, phase="train", steps_total=steps, data_wait_s_total=float(steps))
        numbers.see(Tick(t_s=t_s, beats=(beat,)))
    assert values_of(numbers, names.STEPS) == {(): 30.0}
    assert values_of(numbers, names.WAITED) == {(): 30.0}


def test_epochs_before_the_recording_are_unknown_or_counted_and_never_none() -> None:
    numbers = begun()
    numbers.see(Tick(t_s=1.0, processes=(ProcessSample(t_s=1.0, pid=7, role="main"),)))
    assert values_of(numbers, names.COMPLETED) == {}
    numbers.see(Tick(t_s=2.0, beats=(Beat(t_s=2.0, pid=7, phase="train", epoch=5),)))
    assert values_of(numbers, names.COMPLETED) == {(): 5.0}
    numbers.hear(EpochEnded(t_s=3.0, epoch=5))
    assert values_of(numbers, names.COMPLETED) == {(): 6.0}


def test_a_worker_that_replaces_another_is_not_one_more() -> None:
    numbers = begun()
    for t_s, pids in ((1.0, (11, 12, 13)), (2.0, (11, 12)), (3.0, (11, 12, 14))):
        workers = tuple(
            ProcessSample(t_s=t_s, pid=pid, role="train-worker", worker_index=2 if pid == 14 else pid - 11, state="S")
            for pid in pids
        )
        numbers.see(Tick(t_s=t_s, processes=workers))
        assert values_of(numbers, names.WORKERS) == {(): float(len(pids))}
        assert values_of(numbers, names.EXPECTED) == {(): 3.0}


def test_the_gpus_of_the_run_come_first_and_their_share_is_a_mean() -> None:
    numbers = begun()
    for t_s, share in ((1.0, 0.0), (2.0, 1.0)):
        ours = GpuSample(
            t_s=t_s, index=6, utilization_ratio=share, memory_used_bytes=5, processes=(GpuProcess(pid=7, ours=True),)
        )
        numbers.see(Tick(t_s=t_s, gpus=(GpuSample(t_s=t_s, index=0, utilization_ratio=0.3), ours)))
    assert values_of(numbers, names.GPU) == {("6",): 0.5}
    assert values_of(numbers, names.GPU_MEMORY) == {("6",): 5.0}


def test_times_are_right_after_the_machine_has_slept_or_its_clock_was_set() -> None:
    wall = WallTime()
    wall.begin(Environment(wall_start="2026-11-29T10:00:00+00:00").began_s)
    start_s = wall.started_s or 0.0
    wall.see(10.0, start_s + 12.0)
    assert wall.newest_s == start_s + 10.0
    wall.see(25.0, start_s + 27.0 + 7200.0)  # two hours of sleep, in which the recording's clock stood still
    assert wall.newest_s == start_s + 7227.0
    wall.see(25.0, start_s + 9000.0)
    assert wall.newest_s == start_s + 7227.0, "nothing new is written: its age grows"
    wall.see(40.0, start_s - 86_400.0)  # the clock was a day late
    assert wall.newest_s == start_s - 86_400.0
    assert wall.started_s == start_s


def test_an_old_tape_is_not_taken_for_a_live_one() -> None:
    wall = WallTime()
    wall.begin(Environment(wall_start="2020-01-01T00:00:00+00:00").began_s)
    wall.see(100.0, 2_000_000_000.0)
    assert wall.newest_s == (wall.started_s or 0.0) + 100.0
