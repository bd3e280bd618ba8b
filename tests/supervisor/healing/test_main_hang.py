"""When a main process that stands still may be restarted: late, announced, and only while nobody does anything."""

from __future__ import annotations

import pytest

from holter.detectors import stall
from holter.records import ActionTaken, Beat, GpuProcess, GpuSample, ProcessSample, Tick
from holter.supervisor.healing import main_hang
from holter.supervisor.healing.main_hang import ANNOUNCED_S, FLOOR_S, MainHang
from supervisor.scene import SCALED, SCALED_COMPILE_S


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
        channel: str | None = None,
        phase: str = "train",
        writes: int = 0,
        gpu: dict[str, object] | None = None,
        step_s: int = 1,
        workers: int = 0,
        looks: bool = True,
        beats: bool = True,
        lives: bool = True,
        asks: bool = True,
    ) -> Run:
        for n in range(seconds):
            self.t_s += 1.0
            self.steps += moves and n % step_s == step_s - 1
            self.written += writes
            beat = Beat(t_s=self.t_s, pid=1, phase=phase, progress_total=self.steps, steps_total=self.steps)
            main = ProcessSample(
                t_s=self.t_s, pid=1, role="main" if lives else "other", state=state, wait_channel=channel,
                cpu_ratio=cpu, **self.io(1),
            )  # fmt: skip
            gpus = (GpuSample(**{"t_s": self.t_s, "index": 0, **gpu}),) if gpu else ()
            others = [
                ProcessSample(t_s=self.t_s, pid=pid, role="train-worker", state="S", cpu_ratio=0.02, **self.io(pid))
                for pid in range(2, 2 + workers)
            ]
            processes = (main, *others) if looks else ()
            tick = Tick(t_s=self.t_s, processes=processes, beats=(beat,) if beats else (), gpus=gpus)
            self.hang.see(tick)
            if self.due_s is None and asks and self.hang.is_due(tick):
                self.due_s = self.t_s
        return self

    def io(self, pid: int) -> dict[str, int]:
        """Each process is measured every five seconds, in a tick of its own; only main writes."""
        if int(self.t_s) % 5 != pid % 5:
            return {}
        return {"read_bytes_total": 0, "write_bytes_total": self.written if pid == 1 else 0}

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


@pytest.mark.parametrize("works", [{"cpu": 0.5}, {"writes": 65536}, {"writes": 65536, "workers": 3}, {"state": "D"}])
def test_whoever_works_is_never_ended(works):
    run = Run().go(60).go(3 * int(FLOOR_S), moves=False, **works)
    assert run.due_s is None and run.said == []


class Looks:
    """Says the same at every look, or what each look finds in turn."""

    def __init__(self, *answers: bool | None) -> None:
        self.answers = list(answers)

    def forget(self) -> None: ...

    def see(self, tick: Tick, every_s: float) -> bool | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(("answer", "ended"), [(True, False), (None, False), (False, True)])
def test_what_cannot_be_seen_is_no_reason_to_end_it(answer, ended):
    run = Run(activity=Looks(answer)).go(60).go(2 * int(FLOOR_S), moves=False)
    assert (run.due_s is not None) is ended
    assert bool(run.said) is ended


@pytest.mark.parametrize(("answer", "words"), [(True, "main-hang.works"), (None, "main-hang.unseen")])
def test_why_an_announced_restart_does_not_come_is_said_as_it_is(answer, words):
    quiet = int(FLOOR_S - ANNOUNCED_S - FLOOR_S / main_hang.ACTIVITY_LOOKS + 10)
    run = Run(activity=Looks(*[False] * quiet, answer)).go(60).go(int(FLOOR_S), moves=False)
    assert run.due_s is None
    assert [action.message.key for action in run.said] == ["main-hang.stands", words]


FREEZERS = [("D", "__refrigerator"), ("S", "do_freezer_trap"), ("S", "get_signal")]


@pytest.mark.parametrize(("state", "channel"), [("T", None), *FREEZERS])
def test_whoever_was_stopped_or_frozen_is_never_ended(state, channel):
    run = Run().go(60).go(3 * int(FLOOR_S), moves=False, state=state, channel=channel)
    assert run.due_s is None and run.said == []


STRANGER = GpuProcess(pid=4711)
HIDDEN = ("processes: PID 4711 is not visible here",)


@pytest.mark.parametrize(
    "gpu",
    [
        {"utilization_ratio": 0.4},
        {"utilization_ratio": 0.4, "processes": ()},  # a container: the driver lists nobody
        {"utilization_ratio": 0.4, "processes": (STRANGER,), "unread": HIDDEN},  # or numbers of the host
        {"utilization_ratio": 0.4, "processes": (GpuProcess(pid=1, ours=True),)},
        {"utilization_ratio": None, "processes": (), "mig": True},
        {"utilization_ratio": None, "note": "nvmlDeviceGetUtilizationRates has not returned for 60 s"},
    ],
)
def test_a_gpu_that_may_work_for_the_training_is_work(gpu):
    run = Run().go(60).go(3 * int(FLOOR_S), moves=False, gpu=gpu)
    assert run.due_s is None and run.said == []


@pytest.mark.parametrize(
    "gpu",
    [
        {"source": "none", "note": "no driver"},
        {"utilization_ratio": 0.0, "processes": ()},
        {"utilization_ratio": 0.9, "processes": (STRANGER,)},
    ],
)
def test_no_gpu_an_idle_one_or_one_of_others_is_none(gpu):
    assert Run().go(60).go(int(FLOOR_S) + 10, moves=False, gpu=gpu).due_s is not None


def test_a_look_that_missed_the_processes_changes_nothing():
    run = Run().go(60)
    for _ in range(int(FLOOR_S) // 3 + 4):
        run.go(2, moves=False).go(1, moves=False, looks=False)
    assert run.due_s == pytest.approx(60 + FLOOR_S, abs=5)
    assert run.states == ["begun"]


def test_one_that_moves_in_a_look_without_processes_is_not_due():
    run = Run().go(60).go(int(FLOOR_S) - 2, moves=False).go(1, looks=False).go(60, moves=False)
    assert run.due_s is None
    assert [said.message.key for said in run.said] == ["main-hang.stands", "main-hang.moved"]


def test_polling_that_costs_more_in_some_seconds_is_no_work():
    run = Run().go(60)
    for _ in range(int(FLOOR_S) // 20 + 1):
        run.go(19, moves=False, cpu=0.04, workers=2).go(1, moves=False, cpu=0.08, workers=2)
    assert run.due_s == pytest.approx(60 + FLOOR_S, abs=5)
    assert run.states == ["begun"]


@pytest.mark.parametrize("every_s", [30, 5, 2, 1])
def test_the_hooks_own_page_that_is_written_back_is_no_work(every_s):
    """Every 30 s, and on a disk to which others write up to once a second."""
    run = Run().go(60)
    for _ in range(int(FLOOR_S) // every_s + 1):
        run.go(every_s - 1, moves=False).go(1, moves=False, writes=4096)
    assert run.due_s == pytest.approx(60 + FLOOR_S, abs=5)


def test_twice_as_much_is_work():
    assert Run().go(60).go(2 * int(FLOOR_S), moves=False, writes=8192).due_s is None


def test_one_that_begins_to_work_is_said_to_and_counts_anew():
    run = Run().go(60).go(700, moves=False).go(2, moves=False, cpu=0.9).go(700, moves=False)
    assert run.due_s is None
    assert [said.message.key for said in run.said] == ["main-hang.stands", "main-hang.works", "main-hang.stands"]


def test_ten_times_the_longest_step_is_waited_for():
    long_steps = Run().go(600, step_s=200).go(1990, moves=False)
    assert long_steps.due_s is None
    assert long_steps.go(60, moves=False).due_s is not None


@pytest.mark.parametrize(
    "how",
    [
        {"phase": "validate", "step_s": 600},
        {"phase": "startup", "moves": False},
        {"phase": "compile", "moves": False},
        {"state": "T", "moves": False},
    ],
)
def test_what_takes_long_and_is_no_step_says_nothing_of_how_long_a_step_takes(how):
    assert Run().go(60).go(600, **how).go(60).go(int(FLOOR_S) + 10, moves=False).due_s is not None


def test_in_a_compilation_its_own_limit_is_waited_for_and_reached(monkeypatch):
    """With the scaled limits of the trainings in test_main_stands, one of which compiles for longer than this."""
    for name, value in SCALED.items():
        monkeypatch.setattr(main_hang, name, value)
    assert Run().go(60).go(300, moves=False, phase="compile").due_s is None, "ten minutes are not over"
    monkeypatch.setitem(stall.FLOOR_S, "compile", SCALED_COMPILE_S)
    idle = Run().go(60).go(60, moves=False, phase="compile")
    assert idle.due_s == pytest.approx(60 + SCALED["FLOOR_S"], abs=3)
    computes = Run().go(60).go(300, moves=False, phase="compile", cpu=0.9)
    assert computes.due_s is None and computes.said == []


def test_a_gap_in_the_recording_is_no_long_step():
    run = Run().go(60)
    run.t_s += 7200
    assert run.go(60).go(int(FLOOR_S) + 10, moves=False).due_s is not None


def test_a_limit_of_the_users_own_covers_one_that_computes_too():
    run = Run(limit_s=120.0).go(60).go(130, moves=False, cpu=1.0)
    assert run.due_s == pytest.approx(180, abs=3)
    assert run.said[0].message.key == "main-hang.busy"


def test_what_is_noticed_late_is_announced_late_and_due_later():
    run = Run(limit_s=60.0).go(60).go(90, moves=False, cpu=1.0, asks=False).go(60, moves=False, cpu=1.0)
    assert run.said[0].t_s == pytest.approx(150, abs=3)
    assert run.due_s == pytest.approx(180, abs=3)


def test_a_limit_is_never_shorter_than_a_phase_takes_and_a_new_phase_is_progress():
    starting = {"moves": False, "cpu": 1.0, "phase": "startup"}
    assert Run(limit_s=30.0).go(180, **starting).go(25, moves=False, cpu=1.0).due_s is None
    assert Run(limit_s=30.0).go(200, **starting).due_s == pytest.approx(190, abs=3)


def test_without_a_heartbeat_nobody_knows_how_long_it_has_stood():
    assert Run(limit_s=60.0).go(600, beats=False).due_s is None
    assert Run(limit_s=60.0).go(60).go(600, beats=False).due_s is None
    assert Run().go(3 * int(FLOOR_S), beats=False).due_s is None


def test_it_can_be_turned_off():
    run = Run(off=True).go(60).go(3000, moves=False)
    assert run.due_s is None and run.said == []


@pytest.mark.parametrize(
    ("lost_s", "how", "key"),
    [
        (600, {}, "main-hang.gap"),
        (0, {"state": "T"}, "main-hang.held"),
        (0, {"lives": False}, "main-hang.ended"),
        (0, {"cpu": 0.9}, "main-hang.works"),
    ],
)
def test_what_withdraws_an_announcement_is_said(lost_s, how, key):
    run = Run().go(60).go(800, moves=False)
    run.t_s += lost_s
    assert run.go(60, moves=False, **how).due_s is None
    assert [said.message.key for said in run.said] == ["main-hang.stands", key]


def test_a_step_that_storage_held_up_makes_no_longer_limit():
    """A file server that was gone for ten minutes: main waited for it, in its own state and without CPU."""
    run = Run().go(60).go(600, moves=False, channel="rpc_wait_bit_killable").go(60)
    assert run.hang.limit_s == FLOOR_S
    assert Run().go(60).go(600, step_s=300).go(60).hang.limit_s > FLOOR_S, "a step of its own does"
