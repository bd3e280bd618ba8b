"""Threads that collect batches have a name in the kernel, which is given once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.hook.process import name_collectors


@pytest.fixture
def collector() -> Iterator[int]:
    """A thread as batchgenerators starts one: its function is of that module."""
    over = threading.Event()

    def results_loop() -> None:
        over.wait()

    results_loop.__module__ = "batchgenerators.dataloading.nondet_multi_threaded_augmenter"
    thread = threading.Thread(target=results_loop, daemon=True)
    thread.start()
    assert thread.native_id is not None
    yield thread.native_id
    over.set()
    thread.join()


def test_a_thread_is_named_once_and_keeps_the_name_that_its_program_gives_it(collector: int) -> None:
    comm = Path(f"/proc/self/task/{collector}/comm")
    named: set[int] = {0}
    name_collectors(named)
    assert comm.read_text() == "collects-batch\n"
    assert collector in named and 0 not in named, "who has ended is forgotten"
    comm.write_text("of-the-user")
    name_collectors(named)
    assert comm.read_text() == "of-the-user\n"
