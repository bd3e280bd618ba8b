"""A made-up training with twelve data workers and one GPU, second by second, and a recorder that writes it live.

``python -m benchmarks.views.scene TAPE`` writes one second a second until it is ended. The same second always gives
the same readings.
"""

from __future__ import annotations

import datetime
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from holter.detectors.frozen import STOPPED
from holter.records import (
    Beat,
    CgroupSample,
    Environment,
    Episode,
    EpochEnded,
    Event,
    GpuSample,
    HostSample,
    Judged,
    LogLine,
    Phase,
    PhaseChanged,
    ProcessBorn,
    ProcessSample,
    Sample,
    StorageSample,
    Subject,
)
from holter.sizes import GIB, MIB
from holter.tape import TapeWriter
from holter.tape.compaction import RawWindow
from holter.tape.writer import COMPACT_EVERY_S

WORKERS, VAL_WORKERS = 12, 4
MAIN_PID = 4100
EPOCH_S = 61
# Within an epoch.
TRAIN_S, VALIDATE_S = 52, 7
# A stall of one worker, if the scene has one: seconds after its beginning.
FROZEN_AT_S, ALARM_AFTER_S, THAWED_AFTER_S = 150, 9, 40
FROZEN_WORKER = 7
ITERATIONS = 250
# A thin tape: how often a second is read, and from how long before the end on every second.
READ_EVERY_S, WHOLE_S = 20, int(RawWindow().keep_s + 2 * COMPACT_EVERY_S)

START = datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.timezone.utc)


def environment(wall: datetime.datetime | None = None, epochs: int = 1000) -> Environment:
    """Return the description of the run."""
    wall = wall or START
    return Environment(
        wall_start=wall.isoformat(),
        hostname="gpu-01",
        command=("nnUNetv2_train", "4", "3d_fullres", "0"),
        main_pid=MAIN_PID,
        hooked=True,
        plans=(("dataset", "Dataset004_Hippocampus"), ("configuration", "3d_fullres"), ("fold", "0")),
        num_epochs=epochs,
    )


class Scene:
    """The training; with ``frozen`` a worker stops for a while, and everything with it."""

    def __init__(self, *, frozen: bool = False, workers: int = WORKERS, first_epoch: int = 400) -> None:
        self._frozen, self._workers, self._first_epoch = frozen, workers, first_epoch
        self._phase: tuple[Phase, int] | None = None

    def is_still(self, t_s: int) -> bool:
        """Whether the worker is frozen."""
        return self._frozen and FROZEN_AT_S <= t_s < FROZEN_AT_S + THAWED_AFTER_S

    def _worked_s(self, t_s: int) -> int:
        # Time spent at work: the stall does not count.
        if not self._frozen or t_s <= FROZEN_AT_S:
            return t_s
        return max(FROZEN_AT_S, t_s - THAWED_AFTER_S)

    def events(self, t_s: int) -> Iterator[Event]:
        """Yield what happens in a second."""
        if t_s == 0:
            yield ProcessBorn(t_s=0.0, pid=MAIN_PID, role="main", name="python")
            for index in range(self._workers):
                yield ProcessBorn(t_s=0.0, pid=MAIN_PID + 1 + index, role="train-worker", name="python")
        if self._frozen and t_s == FROZEN_AT_S + ALARM_AFTER_S + 1:
            episode = self.episode(t_s)
            assert episode is not None
            yield Judged(
                t_s=float(t_s), detector=episode.detector, subject=episode.subject_name, start_s=episode.start_s,
                cause="frozen-worker", verdict="confirmed",
            )  # fmt: skip
        worked, before = self._worked_s(t_s), self._worked_s(t_s - 1)
        phase, epoch = self._phase_of(worked)
        if (phase, epoch) != self._phase and (t_s == 0 or worked != before):
            if self._phase is not None and epoch > self._phase[1]:
                loss = -0.55 - 0.35 * (1 - math.exp(-epoch / 250)) + 0.01 * math.sin(epoch)
                yield EpochEnded(
                    t_s=float(t_s), epoch=epoch - 1, duration_s=EPOCH_S + math.sin(epoch), train_loss=loss,
                    val_loss=loss + 0.04, pseudo_dice=(0.88, 0.86), learning_rate=0.006,
                )  # fmt: skip
                yield LogLine(t_s=float(t_s), text=f"Epoch time: {EPOCH_S}.3 s")
            self._phase = (phase, epoch)
            yield PhaseChanged(t_s=float(t_s), phase=phase, epoch=epoch)

    def episode(self, t_s: int) -> Episode | None:
        """Return the stall as it is known at a second."""
        if not self._frozen or t_s < FROZEN_AT_S + ALARM_AFTER_S:
            return None
        over = t_s >= FROZEN_AT_S + THAWED_AFTER_S
        pid = MAIN_PID + 1 + FROZEN_WORKER
        return Episode(
            kind="stall", phase="train", start_s=float(FROZEN_AT_S), alarm_s=float(FROZEN_AT_S + ALARM_AFTER_S),
            end_s=float(FROZEN_AT_S + THAWED_AFTER_S) if over else None, detector="frozen", pid=pid,
            subject=Subject(role="train-worker", index=FROZEN_WORKER, pid=pid),
            reason=STOPPED(process=Subject(role="train-worker", index=FROZEN_WORKER, pid=pid), age=ALARM_AFTER_S),
        )  # fmt: skip

    def _phase_of(self, worked_s: int) -> tuple[Phase, int]:
        epoch, within = divmod(worked_s, EPOCH_S)
        phase: Phase = "train" if within < TRAIN_S else "validate" if within < TRAIN_S + VALIDATE_S else "checkpoint"
        return phase, self._first_epoch + epoch

    def samples(self, t_s: int) -> list[Sample]:
        """Return the readings of a second."""
        still, worked = self.is_still(t_s), self._worked_s(t_s)
        phase, epoch = self._phase_of(worked)
        wave = math.sin(t_s / 7)
        busy = 0.02 if still else 0.62 + 0.1 * wave
        moment = float(t_s)
        found: list[Sample] = [
            HostSample(
                t_s=moment, cpu_count=16, cpu_busy_ratio=busy, cpu_iowait_ratio=0.12 if phase == "checkpoint" else 0.01,
                cpu_steal_ratio=0.0, load_1min=9.5 + wave, memory_total_bytes=128 * GIB,
                memory_available_bytes=int((70 + 4 * wave) * GIB), swap_total_bytes=8 * GIB, swap_used_bytes=GIB // 4,
                shm_total_bytes=64 * GIB, shm_used_bytes=int((3 + wave) * GIB),
                network_received_bytes_total=int(worked * 42 * MIB), network_sent_bytes_total=int(worked * 0.4 * MIB),
            ),
            CgroupSample(t_s=moment, version="v2", effective_cpus=16.0),
            GpuSample(
                t_s=moment, index=0, name="NVIDIA A100-SXM4-40GB", memory_used_bytes=int(23.1 * GIB),
                utilization_ratio=0.0 if still else 0.96 + 0.03 * wave if phase == "train" else 0.5,
                memory_total_bytes=40 * GIB, power_w=62.0 if still else 310 + 20 * wave, power_limit_w=400.0,
                temperature_c=44 if still else 66, sm_clock_mhz=1410, sm_clock_max_mhz=1410,
            ),
            StorageSample(t_s=moment, label="preprocessed", path="/data/preprocessed", free_bytes=900 * GIB),
        ]  # fmt: skip
        return [*found, *self._processes(t_s, still=still, worked=worked, phase=phase, epoch=epoch)]

    def _processes(self, t_s: int, *, still: bool, worked: int, phase: Phase, epoch: int) -> Iterator[Sample]:
        moment = float(t_s)
        iteration = int(worked % EPOCH_S / TRAIN_S * ITERATIONS)
        yield ProcessSample(
            t_s=moment, pid=MAIN_PID, name="python", role="main", state="S" if still else "R",
            cpu_ratio=0.03 if still else 1.02, rss_bytes=int(6.4 * GIB), threads=40, write_bytes_total=worked * 3 * MIB,
            wait_channel="futex_wait_queue" if still else None, syscall="futex" if still else "running",
        )  # fmt: skip
        yield Beat(
            t_s=moment, pid=MAIN_PID, phase=phase, epoch=epoch, iteration=iteration, progress_total=worked * 5,
            progressed_s=float(FROZEN_AT_S) if still else moment, waits_for="train-batch" if still else "none",
            wait_began_s=float(FROZEN_AT_S) if still else None, data_wait_s=0.004, compute_s=0.2,
            data_wait_s_total=worked * 0.02, compute_s_total=worked * 0.98, steps_total=worked * 5,
            ready_queue=0 if still else 5 + t_s % 3, ready_queue_size=8, worker_queue=0 if still else 10,
            worker_queue_size=24,
        )  # fmt: skip
        for index in range(self._workers + VAL_WORKERS):
            is_val = index >= self._workers
            number = index - self._workers if is_val else index
            frozen = still and not is_val and number == FROZEN_WORKER
            idle = still or is_val or (t_s + index * 3) % 5 == 0
            state = "T" if frozen else "D" if (t_s * 7 + index * 13) % 97 == 0 else "S" if idle else "R"
            role = "val-worker" if is_val else "train-worker"
            pid = MAIN_PID + 1 + index
            yield ProcessSample(
                t_s=moment, pid=pid, ppid=MAIN_PID, name="python", role=role, worker_index=number, state=state,  # type: ignore[arg-type]
                cpu_ratio=0.0 if idle else 0.7 + (t_s * index % 10) / 40, rss_bytes=int((1.2 + index / 40) * GIB),
                read_bytes_total=worked * (2 + index) * MIB, threads=4, syscall="futex" if idle else "running",
                wait_channel="do_signal_stop" if frozen else "futex_wait_queue" if idle else None,
            )  # fmt: skip
            yield Beat(
                t_s=moment, pid=pid, role=role, worker_index=number, phase="unknown", steps_total=worked // 3,  # type: ignore[arg-type]
                case=None if idle and not frozen else f"hippocampus_{(worked // 4 + index * 7) % 260:03d}",
                case_began_s=float(FROZEN_AT_S - 1) if frozen else moment - (t_s + index) % 4,
            )  # fmt: skip


def write(
    tape: Path,
    seconds: int,
    *,
    frozen: bool = False,
    close: bool = True,
    wall: datetime.datetime | None = None,
    workers: int = WORKERS,
    thin: bool = False,
) -> None:
    """Write a tape of so many seconds at once; without ``close`` as a killed recorder leaves it.

    With ``thin`` (not with ``frozen``) a minute that the tape holds as one mean in the end is read three times, not
    sixty: a tape of three days has the same rows in a fifteenth of the time.
    """
    clock = [0.0]
    writer = TapeWriter(tape, clock=lambda: clock[0])
    writer.write_environment(environment(wall))
    scene = Scene(frozen=frozen, workers=workers)
    whole_from_s = seconds - WHOLE_S if thin else 0
    happened: list[Event] = []
    for t_s in range(seconds):
        clock[0] = float(t_s)
        if t_s >= whole_from_s:
            writer.write_events(happened)
            happened = []
            second(writer, scene, t_s)
            continue
        happened += scene.events(t_s)
        if t_s % READ_EVERY_S:
            continue
        writer.write_samples(float(t_s), scene.samples(t_s))
        if t_s % COMPACT_EVERY_S == 0:
            writer.write_events(happened)  # each call is a commit
            happened = []
            writer.pulse(float(t_s))
    if close:
        writer.close(float(seconds))
    else:
        writer.commit()


def second(writer: TapeWriter, scene: Scene, t_s: int) -> None:
    """Write one second."""
    writer.write_samples(float(t_s), scene.samples(t_s))
    writer.write_events(scene.events(t_s))
    episode = scene.episode(t_s)
    if episode is not None and (episode.alarm_s == t_s or episode.end_s == t_s):
        writer.write_episode(0, episode)
    writer.pulse(float(t_s))


def write_live(tape: Path, before: int, *, frozen: bool = False) -> None:
    """Write so many seconds at once, then one a second."""
    wall = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=before)
    began = time.monotonic() - before
    fast = [0.0]
    writer = TapeWriter(tape, clock=lambda: max(fast[0], time.monotonic() - began))
    writer.write_environment(environment(wall))
    scene = Scene(frozen=frozen)
    for t_s in range(before):
        fast[0] = float(t_s)
        second(writer, scene, t_s)
    writer.commit()
    print("writing", flush=True)
    t_s = before
    while True:
        time.sleep(max(0.0, began + t_s - time.monotonic()))
        second(writer, scene, t_s)
        t_s += 1


if __name__ == "__main__":
    write_live(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300, frozen="frozen" in sys.argv)
