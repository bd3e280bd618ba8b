"""The queue itself with thousands of simulated trainings: its cost, and what faults leave of the time of the slots."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from holter.records.exit_codes import GAVE_UP, REQUEUE
from holter.study.queue import Ended, Queue, Slot
from holter.study.records import Job

# Of nnU-Net's usual training: 1000 epochs of a minute, the folds of one data set alike, data sets not.
HOURS = (6.0, 30.0)
EPOCH_H = 1.0 / 60.0
# Unexpected interruptions of a GPU-hour: 419 in 54 days on 16,384 GPUs (The Llama 3 Herd of Models, 2024, table 5).
PER_GPU_HOUR = 419 / (54 * 24 * 16_384)
# A workstation or a shared cluster is far worse: one in a month of a GPU.
WORSE_PER_GPU_HOUR = 1 / 720.0
RESTART_H = 90 / 3600.0
# Trainings that cannot be helped (a file that is damaged), and those that are stopped from outside.
GIVES_UP, STOPPED = 0.01, 0.05


class Simulated(NamedTuple):
    """What became of one simulation."""

    trainings: int
    slots: int
    done: int
    aside: int
    more_than_once: int
    cost_us: float  # of the queue's own code, for each training
    goodput: float  # training that counted, of the time that slots were taken


def simulate(trainings: int, slots: int, per_gpu_hour: float, seed: int = 1) -> Simulated:
    """Run so many trainings through the queue on a simulated clock."""
    draw = random.Random(seed)
    jobs = [
        Job(
            dataset=f"Dataset{n // 5:03d}_S", configuration="2d", fold=str(n % 5), folder=Path(f"/r/{n}"),
            preprocessed=Path(),
        )
        for n in range(trainings)
    ]  # fmt: skip
    left = {job.folder: draw.uniform(*HOURS) for job in jobs}
    wanted = sum(left.values())
    finished: Counter[Path] = Counter()
    events: list[tuple[float, int, Job, Ended]] = []
    now, number, taken, own_s = 0.0, 0, 0.0, 0.0
    began_s = time.perf_counter()
    queue = Queue(jobs, [Slot(f"gpu-{n}", n) for n in range(slots)], keep_going=True)
    own_s += time.perf_counter() - began_s
    while True:
        began_s = time.perf_counter()
        over = queue.is_over
        due = None if over else queue.start(now)
        own_s += time.perf_counter() - began_s
        if over:
            break
        if due is not None:
            job = due[0]
            lasts, ended = _fate(left, job, per_gpu_hour, draw)
            number += 1
            taken += lasts
            heapq.heappush(events, (now + lasts, number, job, ended))
            continue
        now, _, job, ended = heapq.heappop(events)
        finished[job.folder] += ended.is_done
        began_s = time.perf_counter()
        queue.ended(job, ended)
        own_s += time.perf_counter() - began_s
    counted = wanted - sum(left.values())
    return Simulated(
        trainings, slots, len(queue.done), len(queue.aside), sum(count > 1 for count in finished.values()),
        1e6 * own_s / trainings, counted / taken,
    )  # fmt: skip


def _fate(left: dict[Path, float], job: Job, per_gpu_hour: float, draw: random.Random) -> tuple[float, Ended]:
    # Interruptions that Holter heals cost up to one epoch and a restart each.
    hours = left[job.folder]
    if draw.random() < GIVES_UP:
        trained = draw.uniform(0.0, hours)
        return trained, Ended(GAVE_UP, is_done=False, cause=f"cause-{draw.randrange(10**9)}")
    is_stopped = draw.random() < STOPPED
    trained = draw.uniform(0.0, hours) if is_stopped else hours
    interruptions, at = 0, draw.expovariate(per_gpu_hour)
    while at < trained:
        interruptions, at = interruptions + 1, at + draw.expovariate(per_gpu_hour)
    left[job.folder] -= trained
    lost = interruptions * (draw.uniform(0.0, EPOCH_H) + RESTART_H)
    return trained + lost, Ended(REQUEUE, is_done=False) if is_stopped else Ended(0, is_done=True)
