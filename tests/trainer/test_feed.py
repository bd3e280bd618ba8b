"""Batches go on with the next one, whatever happens to the loader that makes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from holter.errors import BadInput, LoaderClosed, LoaderFailed
from holter.reports.catalogue import phrase
from holter.trainer.feed import Feed, Place
from holter.trainer.gpu_memory_estimate import _shortage, needed_bytes
from holter.trainer.settings import Settings, read_settings
from holter.transforms.resample.dispatch import working_bytes

MIB = 1 << 20


class Counting:
    """Stands for a loader on a GPU, which is not there: batch n is n, and the GPU may fail at one of them."""

    def __init__(self, place: Place, seed: int, broken_at: int | None, error: Exception) -> None:
        self.place, self.seed, self.step = place, seed, 0
        self.broken_at, self.error = broken_at, error
        self.backend = SimpleNamespace(note="")
        self.is_closed = False

    def __next__(self) -> dict[str, Any]:
        if self.step == self.broken_at and self.place.is_gpu:
            raise LoaderFailed("a thread met an error") from self.error
        self.step += 1
        return {"data": (self.seed, self.step - 1, self.place.device)}

    def start(self) -> None: ...

    def restore(self, step: int) -> None:
        self.step = step

    def close(self) -> tuple[str, ...]:
        self.is_closed = True
        return ("holter-read-0",)


class Scene:
    def __init__(self, broken_at: int | None = None, error: Exception | None = None) -> None:
        self.made: list[Counting] = []
        self.told: list[str] = []
        self.broken_at, self.error = broken_at, error or torch.cuda.OutOfMemoryError("full")

    def make(self, place: Place, seed: int) -> Any:
        self.made.append(Counting(place, seed, self.broken_at, self.error))
        return self.made[-1]

    def say(self, key: str, **_: object) -> None:
        self.told.append(key)

    def feed(self) -> Feed:
        return Feed(self.make, Place("cuda:0"), 5, 0, self)  # type: ignore[arg-type]


def test_a_gpu_without_memory_costs_no_batch_and_is_not_tried_again() -> None:
    scene = Scene(broken_at=2)
    feed = scene.feed()
    taken = [next(feed)["data"] for _ in range(4)]
    assert taken == [(5, 0, "cuda:0"), (5, 1, "cuda:0"), (5, 2, "cpu"), (5, 3, "cpu")]
    assert [loader.is_closed for loader in scene.made] == [True, False]
    assert scene.told == ["gpu-out-of-memory"]


def test_a_gpu_that_is_almost_full_is_left_and_that_is_said() -> None:
    scene = Scene()
    feed = scene.feed()
    next(feed)
    feed.move_to_cpu(retries=3)
    assert [next(feed)["data"] for _ in range(2)] == [(5, 1, "cpu"), (5, 2, "cpu")]
    assert scene.told == ["gpu-crowded"]


def test_a_gpu_that_cannot_run_the_transforms_is_done_without() -> None:
    scene = Scene(0, RuntimeError("Failed to find C compiler"))
    feed = scene.feed()
    assert [next(feed)["data"] for _ in range(2)] == [(5, 0, "cpu"), (5, 1, "cpu")]
    assert scene.told == ["gpu-failed"]


def test_another_failure_of_the_loader_reaches_the_training() -> None:
    scene = Scene(1, RuntimeError("illegal memory access"))
    feed = scene.feed()
    next(feed)  # the GPU can do it
    with pytest.raises(LoaderFailed):
        next(feed)
    assert scene.told == []


def test_a_checkpoints_seed_and_step_are_taken_and_the_stream_is_kept() -> None:
    scene = Scene()
    feed = scene.feed()
    next(feed)
    feed.load_state_dict({"seed": 9, "stream": 6, "step": 40})
    assert next(feed)["data"][:2] == (9, 40)
    assert feed.state_dict() == {"seed": 9, "stream": 0, "step": 41}
    feed.load_state_dict({"seed": 9, "stream": 6, "step": 41})  # where it is already: what was read ahead stays
    assert len(scene.made) == 2
    assert next(feed)["data"][:2] == (9, 41)


def test_it_tells_where_it_stands_after_it_was_closed_and_gives_nothing_more() -> None:
    scene = Scene()
    feed = scene.feed()
    next(feed)
    feed._finish(timeout=3)
    feed.close()
    assert feed.state_dict()["step"] == 1
    assert scene.told == ["left-behind"]
    with pytest.raises(LoaderClosed):
        next(feed)


def test_transforms_take_about_a_third_of_a_gigabyte_at_the_usual_size_at_most() -> None:
    assert 300 * MIB < needed_bytes(2, (128,) * 3, (205,) * 3, 1, 1) < 370 * MIB


def test_a_cascade_and_a_resampler_of_many_tensors_take_more() -> None:
    usual, cascade = (needed_bytes(2, (128,) * 3, (205,) * 3, 4, channels) for channels in (1, 2))
    assert cascade - usual > 2 * 128**3 * 4 * 4  # the copy that has channels for labels
    needed = needed_bytes(2, (128,) * 3, (205,) * 3, 1, 1)
    assert needed_bytes(2, (128,) * 3, (205,) * 3, 1, 1, 500 * MIB) > needed + 400 * MIB


def test_a_resampler_without_a_fused_kernel_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holter.transforms.resample.dispatch.has_triton", lambda: False)
    assert 100 * MIB < working_bytes(torch.device("cuda"), 1) < working_bytes(torch.device("cuda"), 2) < 250 * MIB
    monkeypatch.setattr("holter.transforms.resample.dispatch.has_triton", lambda: True)
    assert working_bytes(torch.device("cpu"), 1) == 0


def test_a_gpu_is_short_of_memory_when_transforms_would_take_a_tenth_of_it() -> None:
    assert _shortage(200 * MIB, 2001 * MIB) is None
    reason = _shortage(200 * MIB, 1999 * MIB)
    assert reason is not None and "200 MiB of 1.95 GiB" in phrase(reason, "en")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, Settings()),
        ({"HOLTER_LOADER_THREADS": "3"}, Settings(threads=3)),
        ({"HOLTER_LOADER_RAM_GB": "0.5"}, Settings(ram_bytes=1 << 29)),
        ({"HOLTER_LOADER_FLOAT16": "1", "HOLTER_LOADER_STRICT": "yes"}, Settings(ram_as_float16=True, is_strict=True)),
        ({"HOLTER_LOADER_TRANSFORMS": "gpu"}, Settings(transforms_on_gpu=True)),
        ({"HOLTER_LOADER": "stock"}, Settings(wants_stock=True)),
        ({"nnUNet_n_proc_DA": "0"}, Settings(most_threads=1)),
    ],
)
def test_settings_come_from_the_environment(variables: dict[str, str], wanted: Settings) -> None:
    assert read_settings(variables) == wanted


@pytest.mark.parametrize(
    "variables",
    [{"HOLTER_LOADER_THREADS": "many"}, {"HOLTER_LOADER_THREADS": "0"}, {"HOLTER_LOADER_TRANSFORMS": "tpu"}],
)
def test_a_setting_that_is_none_is_refused_by_name(variables: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=next(iter(variables))):
        read_settings(variables)


def test_threads_follow_what_they_have_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holter.trainer.settings.usable_cpus", lambda: 16)
    assert Settings().readers(gpu_transforms=True, gpu_training=True) == 4
    assert Settings().readers(gpu_transforms=False, gpu_training=True) == 12
    assert Settings().readers(gpu_transforms=False, gpu_training=False) == 8
    assert Settings(most_threads=2).readers(gpu_transforms=False, gpu_training=True) == 2
    monkeypatch.setattr("holter.trainer.settings.usable_cpus", lambda: 1)
    assert Settings().readers(gpu_transforms=False, gpu_training=False) == 1
