"""A GPU that others use is left alone until it was free for a minute."""

from __future__ import annotations

import json
from pathlib import Path

from holter.records import Message
from holter.sizes import GIB
from holter.study.foreign import FREE_FOR_S, LOOK_EVERY_S, ForeignUse
from holter.study.queue import Slot

GPU = Slot("gpu-0", 0)


def test_others_are_waited_for_a_minute_longer_and_named_once(tmp_path: Path) -> None:
    file, said = tmp_path / "gpus.json", list[Message]()

    def now_used(count: int) -> None:
        file.write_text(json.dumps([{"index": 0, "memory_used_bytes": count}, {"index": 1}]) + " " * (count // GIB))

    now_used(12 * GIB)
    foreign = ForeignUse([GPU, Slot("gpu-1", 1)], {"HOLTER_GPU_SCRIPT": str(file)}, said.append)
    assert not foreign.is_free(GPU, 0.0) and not foreign.is_free(GPU, 20.0)
    assert foreign.is_free(Slot("gpu-1", 1), 20.0), "its memory is not known"
    assert [message.key for message in said] == ["study.gpu-used"]
    now_used(0)
    assert not foreign.is_free(GPU, 20.0 + LOOK_EVERY_S) and not foreign.is_free(GPU, 20.0 + FREE_FOR_S - 1)
    assert foreign.is_free(GPU, 20.0 + FREE_FOR_S + 1)
    foreign.close()


def test_a_gpu_on_which_nobody_was_seen_is_free_at_once_and_a_cpu_always(tmp_path: Path) -> None:
    file = tmp_path / "gpus.json"
    file.write_text(json.dumps([{"index": 0, "memory_used_bytes": GIB // 3}]))
    foreign = ForeignUse([GPU], {"HOLTER_GPU_SCRIPT": str(file)}, lambda _: None)
    assert foreign.is_free(GPU, 0.0)
    assert ForeignUse([Slot("cpu-0")], {}, lambda _: None).is_free(Slot("cpu-0"), 0.0)
    foreign.close()


def test_a_slice_that_others_use_keeps_no_other_slice_of_its_gpu_from_training(tmp_path: Path) -> None:
    file, said = tmp_path / "gpus.json", list[Message]()
    slices = [{"uuid": "MIG-1", "memory_used_bytes": 0}, {"uuid": "MIG-2", "memory_used_bytes": 9 * GIB}]
    file.write_text(json.dumps([{"index": 0, "mig": True, "memory_used_bytes": 9 * GIB, "slices": slices}]))
    one, two = Slot("gpu-0-mig-0", 0, "MIG-1"), Slot("gpu-0-mig-1", 0, "MIG-2")
    foreign = ForeignUse([one, two], {"HOLTER_GPU_SCRIPT": str(file)}, said.append)
    assert foreign.is_free(one, 0.0) and not foreign.is_free(two, 0.0)
    assert [dict(message.values)["index"] for message in said] == ["MIG-2"]
    foreign.own(frozenset({"MIG-2"}))  # a training of this queue
    assert foreign.is_free(one, 1.0)
    foreign.close()
