"""Which loader is taken, by two measurements; and what a measurement is."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter

from holter.reports.catalogue import phrase
from holter.trainer.auto.choice import Choice, kept
from holter.trainer.auto.decide import WORTH, chosen, end, speed_of_stock
from holter.trainer.auto.race import Speed, at_least, measure, speed_of
from holter.trainer.sentences import DIFFERENT

# multiprocessing's own: the tracker of shared memory, and the socket that shares descriptors.
FEW_FILES = 8


class Clock:
    """Time that passes only while batches are made."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def batches(self, *lengths: float) -> Iterator[int]:
        number = 0
        while True:
            self.now += lengths[number % len(lengths)]
            number += 1
            yield number


def test_a_steady_loader_has_a_narrow_interval() -> None:
    clock = Clock()
    speed = measure(clock.batches(0.1), ahead=3, block=1, for_s=2.0, clock=clock)
    assert speed.batches_per_s == pytest.approx(10.0)
    assert speed.low == pytest.approx(10.0) and speed.high == pytest.approx(10.0)


def test_batches_that_were_made_before_do_not_count() -> None:
    clock = Clock()

    def batches() -> Iterator[int]:
        yield from range(12)  # no time: they lay in the queue
        yield from clock.batches(1.0)

    speed = measure(batches(), ahead=12, block=1, for_s=8.0, clock=clock)
    assert speed.batches_per_s == pytest.approx(1.0)


def test_workers_that_answer_together_are_one_block() -> None:
    clock = Clock()
    burst = measure(clock.batches(4.0, 0.0, 0.0, 0.0), ahead=0, block=4, for_s=24.0, clock=clock)
    assert burst.batches_per_s == pytest.approx(1.0)
    assert burst.high == pytest.approx(1.0)


def test_too_few_blocks_say_nothing() -> None:
    assert speed_of([1.0, 1.0], 1, 2.0) == Speed(1.0, 0.0, math.inf)
    clock = Clock()
    assert measure(clock.batches(9.0), ahead=2, block=1, for_s=5.0, clock=clock).high == math.inf


@pytest.mark.parametrize(
    ("ours", "theirs", "loader", "reason"),
    [
        (Speed(10, 9.5, 10.5), Speed(2, 1.8, 2.2), "holter", "faster"),
        (Speed(2.5, 2.4, 2.6), Speed(2, 1.99, 2.01), "stock", "undecided"),  # 1.19 at least, perhaps 1.31
        (Speed(2.2, 2.1, 2.3), Speed(2, 1.95, 2.05), "stock", "not-faster"),
        (Speed(1.0, 0.9, 1.1), Speed(2, 1.9, 2.1), "stock", "not-faster"),
        (Speed(10, 9.5, 10.5), Speed(2, 0.0, math.inf), "stock", "undecided"),
        (Speed(10, 0.0, math.inf), Speed(2, 1.9, 2.1), "stock", "undecided"),
    ],
)
def test_only_what_is_clearly_faster_is_taken(ours: Speed, theirs: Speed, loader: str, reason: str) -> None:
    choice = chosen(ours, theirs, 2, 11)
    assert (choice.loader, choice.reason) == (loader, reason)
    assert (at_least(ours, theirs) >= WORTH) == (loader == "holter")


def test_a_choice_is_kept_until_the_circumstances_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(tmp_path) is None
    choice = Choice(loader="holter", reason="faster", threads=2)
    choice.keep(tmp_path / "fold_0")
    assert kept(tmp_path / "fold_0") == choice
    monkeypatch.setenv("nnUNet_n_proc_DA", "31")
    assert kept(tmp_path / "fold_0") is None
    monkeypatch.undo()
    for broken in ("", "[]", '{"loader": "mine", "reason": ""}', '{"loader": 3}'):
        (tmp_path / "fold_0/holter_loader.json").write_text(broken)
        assert kept(tmp_path / "fold_0") is None


def test_what_differs_is_kept_as_a_sentence_and_that_of_an_older_holter_is_quoted(tmp_path: Path) -> None:
    Choice(loader="stock", reason="different", detail=DIFFERENT(name="GammaTransform")).keep(tmp_path)
    found = kept(tmp_path)
    assert found is not None and found.detail == DIFFERENT(name="GammaTransform")
    assert phrase(found.detail, "zh") != phrase(found.detail, "en")
    file = tmp_path / "holter_loader.json"
    older = {**json.loads(file.read_text()), "detail": "GammaTransform differs"}
    file.write_text(json.dumps(older))
    found = kept(tmp_path)
    assert found is not None and found.detail == "GammaTransform differs"


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Choice(loader="stock", reason="undecided").keep(tmp_path / "file" / "fold_0")


class Breaks:
    """A loader for nnU-Net's augmenter: full batches in shared memory, then an error."""

    thread_id = 0

    def __init__(self, good: int) -> None:
        self._good = good

    def set_thread_id(self, number: int) -> None:
        self.thread_id = number

    def __iter__(self) -> Breaks:
        return self

    def __next__(self) -> dict[str, Any]:
        self._good -= 1
        if self._good < 0:
            raise OSError("Stale file handle")
        return {"data": torch.zeros(1, 4), "target": [torch.zeros(1, 4) for _ in range(6)]}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_stock_loaders_that_fail_while_they_are_timed_leave_no_worker_and_no_open_file() -> None:
    """nnU-Net then makes new ones; each waiting batch of the old ones holds a descriptor for every tensor."""
    children, before = set(psutil.Process().children()), open_files()
    stock = [NonDetMultiThreadedAugmenter(Breaks(good), None, 2, 6, None, False, 0.02) for good in (9, 10**9)]
    with pytest.raises(RuntimeError, match="workers are no longer alive"):
        speed_of_stock(stock, 2, 60.0)
    assert set(psutil.Process().children()) <= children
    assert open_files() <= before + FEW_FILES


class LosesItsWorkers(NonDetMultiThreadedAugmenter):
    """At its orderly end the workers are gone before the thread that collects their batches has seen that it ends."""

    def _finish(self, *args: Any, **more: Any) -> None:
        thread = self.results_loop_thread
        for worker in self._processes:
            worker.kill()
        if thread is not None:
            thread.join()
        super()._finish(*args, **more)


@pytest.mark.parametrize(("finish", "tracebacks"), [(end, 0), (LosesItsWorkers._finish, 1)])
def test_only_the_end_of_the_race_is_without_that_traceback(
    finish: Callable[[Any], None], tracebacks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    augmenter = LosesItsWorkers(Breaks(10**9), None, 1, 2, None, False, 0.02)
    next(augmenter)
    finish(augmenter)
    assert len(raised) == tracebacks
    assert threading.excepthook == raised.append
