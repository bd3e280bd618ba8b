"""How fast a training goes, when it ends, and when a line of it is due."""

from __future__ import annotations

from holter.history.pace import Pace, PaceKeeper
from holter.records import Beat, EpochEnded, GpuSample, Tick
from holter.reports.live.pace import pace_line, stamp, status
from holter.supervisor.recording.bulletin import EVERY_EPOCHS, EVERY_S, Bulletin


def tick(t_s: float, epoch: int, *ended: float, pid: int = 7, wait: float = 0.0, gpu: float | None = None) -> Tick:
    return Tick(
        t_s=t_s,
        beats=(
            Beat(
                t_s=t_s, pid=pid, phase="train", epoch=epoch, steps_total=1, progress_total=1,
                data_wait_s_total=wait, compute_s_total=t_s - wait,
            ),
        ),
        gpus=() if gpu is None else (GpuSample(t_s=t_s, index=0, utilization_ratio=gpu),),
        events=tuple(
            EpochEnded(t_s=t_s, epoch=epoch - len(ended) + n, duration_s=length) for n, length in enumerate(ended)
        ),
    )  # fmt: skip


def test_the_first_epoch_of_a_process_is_no_measure_when_there_is_another() -> None:
    keeper = PaceKeeper()
    keeper.see(tick(300.0, 1, 300.0))
    assert keeper.now(300.0, 10).epoch_s == 300.0
    keeper.see(tick(360.0, 2, 60.0))
    assert (keeper.now(360.0, 10).epoch_s, keeper.now(360.0, 10).left_s) == (60.0, 480.0)
    keeper.see(tick(900.0, 3, 500.0, pid=8))  # restarted: compiled again
    assert keeper.now(900.0, 10).epoch_s == 60.0


def test_shares_of_the_gpu_and_of_waiting_are_those_of_the_last_minutes() -> None:
    keeper = PaceKeeper()
    for second in range(1, 2000):
        waits = 0.0 if second < 1300 else (second - 1300) * 0.5
        keeper.see(tick(float(second), 0, wait=waits, gpu=1.0 if second < 1300 else 0.25))
    now = keeper.now(2000.0, None)
    assert now.gpu_ratio == 0.25
    assert now.data_wait_ratio is not None and abs(now.data_wait_ratio - 0.5) < 0.01
    assert now.left_s is None


def test_a_line_comes_after_two_epochs_and_then_seldom() -> None:
    bulletin = Bulletin({}, 0.0)
    said = []
    for epoch in range(1, 101):
        _, is_due = bulletin.see(tick(epoch * 60.0, epoch, 60.0), 1000)
        if is_due:
            said.append(epoch)
    assert said == [2, 2 + EVERY_EPOCHS, 2 + 2 * EVERY_EPOCHS, 2 + 3 * EVERY_EPOCHS]


def test_a_run_without_epochs_is_not_silent_for_ever() -> None:
    bulletin = Bulletin({}, 0.0)
    due = [t_s for t_s in range(4000) if bulletin.see(Tick(t_s=float(t_s)), None)[1]]
    assert due == [EVERY_S, 2 * EVERY_S]


def test_the_lines() -> None:
    pace = Pace(t_s=0.0, epoch=62, epochs=1000, done=62, epoch_s=61.0, gpu_ratio=0.93, data_wait_ratio=0.021)
    now = 1_700_000_000.0
    assert pace_line(pace, now, "en").startswith(
        "epoch 62/1000 · 1 min 1 s per epoch · GPU 93 % · waits for data 2 % · ends about "
    )
    assert "第 62/1000 轮" in pace_line(pace, now, "zh")
    assert stamp(pace, now, "en").endswith(", epoch 62:")
    assert status(Pace(t_s=0.0), now, "en") == "no epoch has begun yet"


def test_the_time_limit_of_the_job_is_compared() -> None:
    bulletin = Bulletin({"SLURM_JOB_END_TIME": "1700007200"}, 1_700_000_000.0)  # two hours
    bulletin.see(tick(60.0, 1, 60.0), 1000)
    pace, _ = bulletin.see(tick(120.0, 2, 60.0), 1000)
    assert "comes first, at about epoch 120" in pace_line(pace, 1_700_000_120.0, "en")
    short, _ = Bulletin({"SLURM_JOB_END_TIME": "1700007200"}, 1_700_000_000.0).see(tick(60.0, 1, 60.0), 20)
    assert pace_line(short, 1_700_000_060.0, "en").endswith("the time limit of this job is enough")
    assert Bulletin({"SLURM_JOB_END_TIME": "never"}, 0.0).see(tick(60.0, 1, 60.0), 20)[0].slot_left_s is None
