"""When a main process that stands still may be restarted: late, announced, and only while nobody does anything."""

from __future__ import annotations

import pytest

from holter.records import ActionTaken, Beat, GpuSample, ProcessSample, Tick
from holter.supervisor.healing.main_hang import ANNOUNCED_S, FLOOR_S, MainHang


class Run:
    """A training of one-second steps, and what was said about it."""

    def __init__(self, **how: object) -> None:
        self.said: list[ActionTaken] = []
        self.hang = MainHang(self.said.append, **{"limit_s": None, "off": False, **how})  # type: ignore[arg-type]
        self.t_s = 0.0
        self.steps = 0
        self.written = 0
        self.due_s: float | None = None

    def go(
        self,
        seconds: int,
        *,
        moves: bool = True,
        cpu: float = 0.0,
        state: str = "S",
        phase: str = "train",
        writes: int = 0,
        gpu: float = 0.0,
        step_s: int = 1,
        workers: int = 0,
    ) -> Run:
        for n in range(seconds):
            self.t_s += 1.0
            self.steps += moves and n % step_s == step_s - 1
            self.written += writes
            beat = Beat(t_s=self.t_s, pid=1, phase=phase, progress_total=self.steps, steps_total=self.steps)
            main = ProcessSample(
                t_s=self.t_s, pid=1, role="main", state=state, cpu_ratio=cpu,
                read_bytes_total=0, write_bytes_total=self.written,
            )  # fmt: skip
            gpus = (GpuSample(t_s=self.t_s, index=0, utilization_ratio=gpu),) if gpu else ()
            others = [
                ProcessSample(t_s=self.t_s, pid=2 + one, role="train-worker", state="S", cpu_ratio=0.02)
                for one in range(workers)
            ]
            tick = Tick(t_s=self.t_s, processes=(main, *others), beats=(beat,), gpus=gpus)
            self.hang.see(tick)
            if self.due_s is None and self.hang.is_due(tick):
                self.due_s = self.t_s
        return self

    @property
    def states(self) -> list[str]:
        return [action.state for action in self.said]


def test_it_is_announced_five_minutes_ahead_and_due_after_a_quarter_of_an_hour():
    run = Run().go(60).go(int(FLOOR_S) + 10, moves=False)
    assert run.due_s == pytest.approx(60 + FLOOR_S, abs=3)
    assert run.states == ["begun"]
    assert run.said[0].t_s == pytest.approx(60 + FLOOR_S - ANNOUNCED_S, abs=3)


def test_one_that_moves_on_is_left_alone_and_that_is_said():
    run = Run().go(60).go(800, moves=False).go(900)
    assert run.due_s is None
    assert run.states == ["begun", "done"]


@pytest.mark.parametrize("works", [{"cpu": 0.5}, {"writes": 65536}, {"gpu": 0.4}, {"state": "T"}])
def test_whoever_works_or_was_stopped_is_never_ended(works):
    run = Run().go(60).go(3 * int(FLOOR_S), moves=False, **works)
    assert run.due_s is None and run.said == []


def test_polling_that_costs_more_in_some_seconds_is_no_work():
    run = Run().go(60)
    for _ in range(int(FLOOR_S) // 20 + 1):
        run.go(19, moves=False, cpu=0.04, workers=2).go(1, moves=False, cpu=0.08, workers=2)
    assert run.due_s == pytest.approx(60 + FLOOR_S, abs=5)
    assert run.states == ["begun"]


def test_the_hooks_own_page_that_is_written_back_is_no_work():
    run = Run().go(60)
    for _ in range(int(FLOOR_S) // 30 + 1):
        run.go(29, moves=False).go(1, moves=False, writes=4096)
    assert run.due_s == pytest.approx(60 + FLOOR_S, abs=5)


def test_one_that_begins_to_work_is_said_to_and_counts_anew():
    run = Run().go(60).go(700, moves=False).go(2, moves=False, cpu=0.9).go(700, moves=False)
    assert run.due_s is None
    assert [one.message.key for one in run.said] == ["main-hang.stands", "main-hang.works", "main-hang.stands"]


def test_ten_times_the_longest_step_is_waited_for_and_validation_is_no_step():
    long_steps = Run().go(600, step_s=200).go(1990, moves=False)
    assert long_steps.due_s is None
    assert long_steps.go(60, moves=False).due_s is not None
    validated = Run().go(60).go(600, step_s=600, phase="validate").go(int(FLOOR_S) + 10, moves=False)
    assert validated.due_s is not None


def test_a_limit_of_the_users_own_covers_one_that_computes_too():
    run = Run(limit_s=120.0).go(60).go(130, moves=False, cpu=1.0)
    assert run.due_s == pytest.approx(180, abs=3)
    assert run.said[0].message.key == "main-hang.busy"


def test_it_can_be_turned_off():
    run = Run(off=True).go(60).go(3000, moves=False)
    assert run.due_s is None and run.said == []


def test_a_gap_in_the_recording_begins_anew():
    run = Run().go(60).go(800, moves=False)
    run.t_s += 600
    assert run.go(60, moves=False).due_s is None
