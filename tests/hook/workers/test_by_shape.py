"""A renamed copy of batchgenerators' augmenter, in a package and under a name of its own, is watched and healed."""

from __future__ import annotations

import inspect
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from batchgenerators.dataloading import nondet_multi_threaded_augmenter as stock
from test_replace import ENDS, SOON_S, Toy

from holter.hook.workers.by_shape import has_the_arguments, is_augmenter, waits_alike

pytestmark = pytest.mark.training  # of a toy
NAME, RENAMED = "NonDetMultiThreadedAugmenter", "PinnedBufferNonDetMultiThreadedAugmenter"
IMPORT = f"from batchgenerators.dataloading.nondet_multi_threaded_augmenter import {NAME}"


def renamed(folder: Path, toy: Path) -> Path:
    """Write the copy as a package, and the toy that imports it; return the toy."""
    package = folder / "forkgenerators"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pinned_augmenter.py").write_text(inspect.getsource(stock).replace(NAME, RENAMED))
    program = folder / "renamed_toy.py"
    program.write_text(
        toy.read_text().replace(IMPORT, f"from forkgenerators.pinned_augmenter import {RENAMED} as {NAME}")
    )
    return program


def test_a_renamed_augmenter_is_watched_and_its_dead_worker_replaced(hooked, tmp_path, wait_until, monkeypatch):
    program = renamed(tmp_path, hooked.toy)
    assert IMPORT not in program.read_text()
    monkeypatch.setattr(hooked, "toy", program, raising=False)
    going = Toy(hooked, tmp_path, wait_until, path=(tmp_path,)).begin()
    killed = going.workers()[1]
    os.kill(killed, signal.SIGKILL)
    going.wait_until(lambda: going.told("done"), SOON_S)
    assert f"worker 1 (PID {killed}) was ended by SIGKILL" in going.told("done")[-1]["text"]
    going.steps_on()
    assert going.end() == ENDS
    assert not [line for line in hooked.lines("note") if line["what"] == "hook-failed"]


def test_classes_without_workers_are_left_alone():
    class Wrapper(stock.NonDetMultiThreadedAugmenter):  # type: ignore[misc]
        def __next__(self):
            return super().__next__()

    class Other:
        def __next__(self): ...

        def _start(self): ...

        def _finish(self): ...

    assert is_augmenter(stock.NonDetMultiThreadedAugmenter)
    assert not any(is_augmenter(cls) for cls in (Wrapper, Other, dict))


def changed(before: str, after: str) -> dict[str, Any]:
    source = inspect.getsource(stock).replace(NAME, RENAMED)
    assert before in source
    module: dict[str, Any] = {"__name__": "copy"}
    exec(source.replace(before, after), module)
    return module


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        ("import logging", "import logging", True),
        ("        item = self.__get_next_item()\n", "        item = dict(self.__get_next_item())\n", False),
        ("        return item\n\n    def _start", "        return item, 1\n\n    def _start", False),
        ("            return item\n\n    def __next__", "            return to(item)\n\n    def __next__", False),
    ],
)
def test_a_copy_that_changes_batches_keeps_its_own_wait(before: str, after: str, alike: bool) -> None:
    cls = changed(before, after)[RENAMED]
    assert is_augmenter(cls)
    assert waits_alike(cls) == alike


def test_a_producer_with_other_arguments_is_not_wrapped() -> None:
    before = "queue: Queue, data_loader, transform, thread_id: int, seed"
    assert has_the_arguments(changed(before, before)["producer"])
    for after in ("queue, data_loader, thread_id, transform, seed", "queue, data_loader, transform", "*args"):
        assert not has_the_arguments(
            changed(f"{before},\n", f"{after},\n" if after != "*args" else "*args,\n")["producer"]
        )
