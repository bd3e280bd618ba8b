"""The queue with simulated trainings on a simulated clock: each is done once, whatever happens to them."""

from __future__ import annotations

import heapq
import random
import time
from pathlib import Path

import msgspec
import pytest

from holter.records import Message
from holter.study.queue import MOST_REQUEUES, SAME_CAUSE, Ended, Queue, Slot
from holter.study.records import Job

WHY = Message(key="outcome.gave-up", values=())
DONE, GAVE_UP, LATER = Ended(0, is_done=True), Ended(76, is_done=False, cause="slow-storage", why=WHY), Ended(75, False)


def jobs(count: int) -> list[Job]:
    return [
        Job(
            dataset=f"Dataset{n // 5:03d}_X",
            configuration="2d",
            fold=str(n % 5),
            folder=Path(f"/r/{n}"),
            preprocessed=Path(),
        )
        for n in range(count)
    ]


def slots(count: int) -> list[Slot]:
    return [Slot(f"gpu-{n}", n) for n in range(count)]


def started(queue: Queue, now_s: float = 0.0) -> list[tuple[Job, Slot]]:
    found = []
    while (due := queue.start(now_s)) is not None:
        found.append(due)
    return found


def test_2000_trainings_on_128_slots_are_each_done_once_though_a_tenth_are_stopped_on_the_way() -> None:
    chance = random.Random(7)
    every, places = jobs(2000), slots(128)
    # A third are second stages.
    needs = {every[n].folder: frozenset({every[n - 1].folder}) for n in range(1, 2000, 3)}
    queue = Queue(every, places, needs=needs, keep_going=True)
    clock_s, running, finished = 0.0, [], []
    finished_folders: set[Path] = set()
    busy: dict[str, Job] = {}
    busy_s = 0.0
    began_s = time.process_time()
    while not queue.is_over:
        for job, slot in started(queue, clock_s):
            assert slot.name not in busy, "one training a slot"
            assert needs.get(job.folder, frozenset()) <= finished_folders
            busy[slot.name] = job
            length_s = chance.uniform(1000, 1200)
            busy_s += length_s
            heapq.heappush(running, (clock_s + length_s, job.folder.name, slot.name, job))
        clock_s, _, name, job = heapq.heappop(running)
        del busy[name]
        stopped = chance.random() < 0.1
        queue.ended(job, LATER if stopped else DONE)
        finished += [] if stopped else [job]
        finished_folders |= set() if stopped else {job.folder}
    assert len(finished) == len({job.folder for job in finished}) == len(queue.done) == 2000
    assert not queue.aside and not queue.left
    # Graham's bound: all slots are busy until nothing waits, then at most a first stage, a stop and a second stage.
    assert clock_s <= busy_s / 128 + 3 * 1200, "no slot was idle while something could start"
    assert time.process_time() - began_s < 10


@pytest.mark.slow
def test_the_cost_of_a_start_does_not_grow_with_the_queue() -> None:
    def cost_s(count: int) -> float:
        queue = Queue(jobs(count), slots(8))
        began_s = time.process_time()
        while not queue.is_over:
            for job, _ in started(queue):
                queue.ended(job, DONE)
        return (time.process_time() - began_s) / count

    assert min(cost_s(20_000) for _ in range(3)) < 5 * min(cost_s(2_000) for _ in range(3))


def test_starts_are_spaced() -> None:
    queue = Queue(jobs(3), slots(3), spacing_s=10.0)
    assert len(started(queue, 0.0)) == 1 and not started(queue, 9.9) and len(started(queue, 10.0)) == 1


def test_a_training_that_gives_up_is_set_aside_and_the_others_go_on() -> None:
    queue = Queue(jobs(3), slots(1))
    ((first, _),) = started(queue)
    assert queue.ended(first, GAVE_UP) == "aside"
    ((second, _),) = started(queue)
    queue.ended(second, DONE)
    assert queue.stopped is None and [each.job for each in queue.aside] == [first]
    assert queue.aside[0].cause == "slow-storage"


def test_the_same_cause_in_three_of_them_stops_the_queue_even_with_keep_going() -> None:
    queue = Queue(jobs(9), slots(4), keep_going=True)
    for number, (job, _) in enumerate(started(queue)[:SAME_CAUSE], 1):
        assert queue.stopped is None
        queue.ended(job, GAVE_UP)
        assert (queue.stopped is not None) == (number == SAME_CAUSE)
    assert not started(queue) and queue.running == 1 and not queue.is_over
    assert dict(queue.stopped.values)["cause"] == "slow-storage"


def test_three_different_causes_stop_nothing() -> None:
    queue = Queue(jobs(9), slots(3), keep_going=True)
    for (job, _), cause in zip(started(queue), ("slow-storage", "external-kill", "vgpu-unlicensed"), strict=True):
        queue.ended(job, Ended(76, is_done=False, cause=cause, why=WHY))
    assert queue.stopped is None and len(started(queue)) == 3


@pytest.mark.parametrize(("keep_going", "goes_on"), [(False, False), (True, True)])
def test_a_training_that_fails_otherwise_stops_the_queue_unless_asked_to_keep_going(keep_going, goes_on) -> None:
    queue = Queue(jobs(3), slots(1), keep_going=keep_going)
    ((job, _),) = started(queue)
    queue.ended(job, Ended(1, is_done=False, why=WHY))
    assert bool(started(queue)) is goes_on and queue.is_over is not goes_on


def test_max_failures_counts_what_was_set_aside() -> None:
    queue = Queue(jobs(5), slots(2), max_failures=2, keep_going=True)
    (one, _), (two, _) = started(queue)
    queue.ended(one, Ended(76, is_done=False, cause="a", why=WHY))
    assert queue.stopped is None
    queue.ended(two, Ended(1, is_done=False, why=WHY))
    assert queue.stopped is not None and queue.is_over and len(queue.left) == 3


def test_a_second_stage_waits_and_is_never_started_if_its_first_stage_is_set_aside() -> None:
    first, second, other = jobs(3)
    queue = Queue([second, first, other], slots(3), needs={second.folder: frozenset({first.folder})})
    assert [job for job, _ in started(queue)] == [first, other]
    queue.ended(first, GAVE_UP)
    queue.ended(other, DONE)
    assert queue.is_over and queue.left == (second,)


def test_what_runs_already_takes_its_slot_and_is_not_started() -> None:
    one, two, three = jobs(3)
    queue = Queue([two, three], slots(2), needs={})
    queue.adopt(one, "gpu-1", is_here=True)
    ((job, slot),) = started(queue)
    assert (job, slot.name) == (two, "gpu-0")
    assert queue.ended(one, Ended(None, is_done=True)) == "done"
    assert started(queue) == [(three, Slot("gpu-1", 1))]


def test_what_runs_on_another_host_takes_no_slot_and_is_taken_over_if_it_ends_unfinished() -> None:
    (one,) = jobs(1)
    queue = Queue([], slots(1))
    queue.adopt(one, None, is_here=False)
    assert not queue.is_over
    assert queue.ended(one, Ended(None, is_done=False)) == "again"
    assert [job for job, _ in started(queue)] == [one]


def test_a_training_that_is_stopped_again_and_again_is_set_aside_in_the_end() -> None:
    queue = Queue(jobs(1), slots(1))
    fates = [queue.ended(job, LATER) for _ in range(MOST_REQUEUES + 1) for job, _ in started(queue)]
    assert fates == ["again"] * MOST_REQUEUES + ["aside"]


def test_a_slot_that_others_use_is_passed_over() -> None:
    queue = Queue(jobs(2), slots(2))
    assert queue.start(0.0, lambda slot: slot.gpu == 1)[1].gpu == 1
    assert queue.start(0.0, lambda slot: False) is None and not queue.is_over
    assert queue.start(0.0)[1].gpu == 0


def test_what_has_a_higher_priority_starts_first_also_after_it_was_stopped_or_became_ready() -> None:
    low, other, high, second = (
        msgspec.structs.replace(job, priority=priority) for job, priority in zip(jobs(4), (0, 0, 2, 1), strict=True)
    )
    queue = Queue([low, other, high, second], slots(1), needs={second.folder: frozenset({high.folder})})
    order = []
    for end in (LATER, DONE, DONE, DONE, DONE):
        ((job, _),) = started(queue)
        order.append(job)
        queue.ended(job, end)
    assert order == [high, high, second, low, other]


def test_exit_code_0_with_a_reason_is_not_done() -> None:
    queue = Queue(jobs(1), slots(1))
    ((job, _),) = started(queue)
    assert queue.ended(job, Ended(0, is_done=False, why=WHY)) == "aside"
