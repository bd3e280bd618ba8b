"""A training told tick by tick: what detectors see of one that runs, halts or freezes."""

from __future__ import annotations

from collections.abc import Iterable

from holter.records import Beat, ProcessSample, Tick

MAIN, WORKER, OTHER = 10, 11, 12


def process(
    t_s: float, pid: int = MAIN, *, cpu: float = 0.9, state: str = "S", role: str = "", **more
) -> ProcessSample:
    role = role or ("main" if pid == MAIN else "train-worker")
    return ProcessSample(t_s=t_s, pid=pid, role=role, state=state, cpu_ratio=cpu, cpu_s_total=t_s * cpu, **more)


class Run:
    """A training of steady steps, told tick by tick."""

    def __init__(self, step_s: float = 0.5, wait: float = 0.05) -> None:
        self.step_s, self.wait = step_s, wait
        self.t_s = 0.0
        self.steps = 0.0
        self.waited = self.computed = 0.0
        self.progressed_s = 0.0
        self.epoch = 1

    def beat(self, phase: str = "train", **more) -> Beat:
        return Beat(
            t_s=self.t_s, pid=MAIN, phase=phase, epoch=self.epoch,
            progress_total=int(self.steps), steps_total=int(self.steps),
            progressed_s=self.progressed_s, data_wait_s_total=self.waited, compute_s_total=self.computed, **more,
        )  # fmt: skip

    def go(self, seconds: int, *, cpu: float = 0.9, phase: str = "train", worker_state: str = "S") -> Iterable[Tick]:
        for _ in range(seconds):
            self.t_s += 1.0
            self.steps += 1.0 / self.step_s
            self.waited += self.wait
            self.computed += 1.0 - self.wait
            self.progressed_s = self.t_s - self.step_s * (self.steps % 1)
            processes = (process(self.t_s, cpu=cpu), process(self.t_s, WORKER, cpu=cpu, state=worker_state))
            yield Tick(t_s=self.t_s, processes=processes, beats=(self.beat(phase),))

    def halt(self, seconds: int, *, cpu: float = 0.02, phase: str = "train", state: str = "S") -> Iterable[Tick]:
        for _ in range(seconds):
            self.t_s += 1.0
            processes = (process(self.t_s, cpu=cpu, state=state), process(self.t_s, WORKER, cpu=0.02, state=state))
            yield Tick(t_s=self.t_s, processes=processes, beats=(self.beat(phase),))

    def freeze(self, seconds: int) -> Iterable[Tick]:
        for tick in self.halt(seconds):
            stopped = process(tick.t_s, WORKER, cpu=0.0, state="T")
            yield Tick(t_s=tick.t_s, processes=(tick.processes[0], stopped), beats=tick.beats)
