"""What is shown at a time is what was known then; a long tape is read in parts; a dead recorder shows at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.views import scene

from holter.records import Beat, EpochEnded, HostSample, Tick
from holter.reports.html.lanes import STATES
from holter.tape import TapeWriter, read
from holter.views.model.run import Run
from holter.views.model.sentence import sentence
from holter.views.model.series import Rates
from holter.views.model.view import Lane, View

TAPES = Path(__file__).parents[2] / "tapes"
FROZEN = scene.FROZEN_AT_S + scene.ALARM_AFTER_S


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "frozen.holter"
    scene.write(path, 300, frozen=True)
    return path


def opened(path: Path) -> Run:
    run = Run(path)
    run.poll(0.0, time.time())
    return run


def view_of(run: Run, at_s: float | None = None, width_s: float = 2.0, count: int = 60) -> View:
    end_s = run.story.last_s if at_s is None else at_s
    return run.view(run.window(end_s, width_s, count), at_s)


def lane(view: View, role: str, index: int | None = None) -> Lane:
    return next(lane for lane in view.lanes if lane.name.role == role and lane.name.index == index)


def said(run: Run, at_s: float | None) -> str:
    return sentence(view_of(run, at_s), run.story, "en")[0]


def test_before_the_alarm_nobody_knows_of_the_stall_and_after_it_everybody_does(frozen: Path) -> None:
    run = opened(frozen)
    assert said(run, scene.FROZEN_AT_S + 4.0).startswith("Running: epoch 402 of 1000.")
    assert said(run, FROZEN + 3.0) == "Stalled for 12 s: worker 7 (PID 4108) is stopped."
    assert said(run, scene.FROZEN_AT_S + scene.THAWED_AFTER_S + 10.0).startswith(
        "Running: epoch 402 of 1000. Stopped once"
    )


def test_a_training_that_stands_still_for_its_batch_waits_all_the_time() -> None:
    def beat(t_s: float, steps: int, waits_for: str, began_s: float | None) -> Tick:
        return Tick(
            t_s=t_s,
            beats=(
                Beat(
                    t_s=t_s, pid=1, role="main", phase="train", waits_for=waits_for, wait_began_s=began_s,  # type: ignore[arg-type]
                    steps_total=steps, data_wait_s_total=steps * 0.1, compute_s_total=steps * 0.1,
                ),
            ),
        )  # fmt: skip

    rates = Rates()
    seen = [
        dict(rates.of(tick))["wait"]
        for tick in (
            beat(1.0, 10, "none", None),
            beat(2.0, 12, "train-batch", 1.9),  # steps end: as measured
            beat(3.0, 12, "train-batch", 1.9),
            beat(4.0, 13, "train-batch", 3.5),
            beat(5.0, 14, "none", None),
            beat(6.0, 14, "train-batch", 5.75),  # a step that computes for long, then waits
            beat(7.0, 14, "none", None),
            beat(8.0, 14, "export-result", 6.5),
        )
    ]
    assert seen == [None, pytest.approx(0.5), 1.0, pytest.approx(0.5), pytest.approx(0.5), 0.25, None, None]


def test_the_lane_of_the_frozen_worker_shows_when_it_stood_still(frozen: Path) -> None:
    view = view_of(opened(frozen), 230.0)
    cells = lane(view, "train-worker", scene.FROZEN_WORKER).cells
    stopped = [number for number, rank in enumerate(cells) if rank == STATES.index("stopped")]
    times = [view.window.middle_s(number) for number in stopped]
    assert min(times) == scene.FROZEN_AT_S + 1 and max(times) == scene.FROZEN_AT_S + scene.THAWED_AFTER_S - 1
    assert all(rank != STATES.index("stopped") for rank in lane(view, "train-worker", 3).cells)


def test_a_dead_worker_stays_in_its_lane_on_a_tape_that_lost_its_number() -> None:
    run = opened(TAPES / "worker_killed" / "frozen_and_killed.holter")
    for at_s in (None, 37.5, 30.0):
        workers = [lane for lane in view_of(run, at_s).lanes if lane.name.role == "train-worker"]
        assert [lane.name.index for lane in workers] == [0, 1]
    view = view_of(run)
    killed = lane(view, "train-worker", 1)
    now = killed.cells[view.window.column(view.at_s)]
    assert (killed.pid, killed.state, STATES[now]) == (19573, "dead", "dead")


def test_at_a_time_in_the_past_the_readings_are_those_of_then(frozen: Path) -> None:
    view = view_of(opened(frozen), 170.0)
    worker = lane(view, "train-worker", scene.FROZEN_WORKER)
    assert worker.in_trouble and worker.process is not None and worker.process.state == "T"
    assert view.main is not None and view.main.waits_for == "train-batch"
    gpu = view.chart("gpu:0")
    assert gpu is not None and gpu.now == 0.0 and view.gpus[0].power_w == 62.0
    assert view_of(opened(frozen), 100.0).gpus[0].power_w != 62.0


@pytest.mark.slow
@pytest.mark.parametrize("width_s", [0.5, 1.0, 5.0, 30.0])
def test_following_a_tape_shows_the_same_as_reading_it_at_once(tmp_path: Path, width_s: float) -> None:
    path = tmp_path / "live.holter"
    clock = [0.0]
    writer = TapeWriter(path, clock=lambda: clock[0])
    writer.write_environment(scene.environment())
    training = scene.Scene(frozen=True)
    followed = Run(path)
    for t_s in range(260):
        clock[0] = float(t_s)
        scene.second(writer, training, t_s)
        if t_s % 7 == 6:
            writer.commit()
            followed.poll(float(t_s), time.time())
            view_of(followed, None, width_s)
    writer.commit()
    followed.poll(260.0, time.time())
    at_once = view_of(opened(path), None, width_s)
    shown = view_of(followed, None, width_s)
    assert shown.lanes == at_once.lanes and shown.charts == at_once.charts and shown.bands == at_once.bands
    writer.close(260.0)


def test_a_long_tape_is_not_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.holter"
    clock = [0.0]
    writer = TapeWriter(path, clock=lambda: clock[0])
    writer.write_environment(scene.environment())
    for t_s in range(0, 6 * 3600, 3):
        clock[0] = float(t_s)
        writer.write_samples(clock[0], [HostSample(t_s=clock[0], cpu_busy_ratio=0.5, cpu_count=2)])
        writer.pulse(clock[0])
    writer.commit()
    rows = [0]
    import holter.tape.coding as coding

    unpacked = coding.unpacked
    monkeypatch.setattr(coding, "unpacked", lambda data: (rows.__setitem__(0, rows[0] + 1), unpacked(data))[1])
    run = opened(path)
    view = view_of(run, None, 300.0, 72)
    cpu = view.chart("cpu")
    assert cpu is not None and sum(cell is not None for cell in cpu.cells) == 72
    assert rows[0] < 250
    writer.close(6 * 3600.0)


def test_a_worker_that_died_is_drawn_dead_until_its_successor_works() -> None:
    view = view_of(opened(TAPES / "worker_killed/frozen_and_killed.holter"), None, 1.0, 60)
    dead = [lane for lane in view.lanes if STATES.index("dead") in lane.cells]
    assert len(dead) == 1 and dead[0].name.role == "train-worker"


@pytest.mark.parametrize("name", ["quiet/as_usual", "quiet/healthy_with_final_validation", "vgpu_unlicensed/fault"])
def test_a_process_that_ended_as_it_should_is_not_drawn_dead(name: str) -> None:
    view = view_of(opened(TAPES / f"{name}.holter"), None, 2.0, 100)
    assert not any(STATES.index("dead") in lane.cells for lane in view.lanes)


RECORDER = """
import sys
from pathlib import Path
from benchmarks.views import scene
scene.write_live(Path(sys.argv[1]), 60)
"""


@pytest.fixture
def recorder(tmp_path: Path):
    tape = tmp_path / "live.holter"
    root = Path(__file__).parents[3]
    child = subprocess.Popen([sys.executable, "-c", RECORDER, str(tape)], stdout=subprocess.PIPE, text=True, cwd=root)
    assert child.stdout is not None
    child.stdout.readline()
    yield tape, child
    child.kill()
    child.wait()
    child.stdout.close()


@pytest.mark.slow
def test_a_killed_recorder_shows_within_three_seconds(recorder) -> None:
    tape, child = recorder
    run = Run(tape)
    for _ in range(5):
        run.poll(time.monotonic(), time.time())
        assert run.silent_s is None
        time.sleep(1.0)
    child.send_signal(signal.SIGKILL)
    child.wait()
    killed_s = time.monotonic()
    while run.silent_s is None and time.monotonic() - killed_s < 5.0:
        time.sleep(0.5)
        run.poll(time.monotonic(), time.time())
    assert time.monotonic() - killed_s <= 3.0
    words, tone = sentence(view_of(run), run.story, "en")
    assert words.startswith("No reading for ") and "the recorder stopped" in words and tone == "bad"


@pytest.mark.slow
def test_a_recorder_that_stands_still_shows_too(recorder) -> None:
    tape, child = recorder
    run = Run(tape)
    run.poll(100.0, time.time())
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(2.5)
    run.poll(103.0, time.time())  # the last rows that it wrote
    run.poll(106.0, time.time())
    assert run.silent_s is None  # it lives, and a busy machine is no death
    run.poll(112.5, time.time())
    assert run.silent_s is not None and run.silent_s > 8.0
    assert "the recorder is alive but writes nothing" in sentence(view_of(run), run.story, "en")[0]
    os.kill(child.pid, signal.SIGCONT)
    time.sleep(3.5)
    run.poll(116.0, time.time())
    assert run.silent_s is None


@pytest.mark.slow
def test_a_tape_whose_recorder_was_killed_long_ago_is_not_shown_as_live() -> None:
    tapes = [path for path in sorted(TAPES.rglob("*.holter")) if not read(path).finished]
    for path in tapes[:3]:
        run = opened(path)
        assert run.silent_s is not None and run.silent_s > 3600
    finished = opened(TAPES / "quiet/as_usual.holter")
    assert finished.silent_s is None


def test_a_first_screen_reads_the_newest_events_and_the_next_one_all(tmp_path: Path) -> None:
    path = tmp_path / "days.holter"
    writer = TapeWriter(path)
    writer.write_events([EpochEnded(t_s=float(epoch), epoch=epoch) for epoch in range(350)])
    run = Run(path, first_events=40)
    run.poll(0.0, 0.0)
    assert [event.epoch for event in run.story.epochs] == list(range(310, 350)) and not run.is_whole
    assert run.poll(1.0, 1.0) and run.is_whole
    assert [event.epoch for event in run.story.epochs] == list(range(350))
    writer.close(350.0)
