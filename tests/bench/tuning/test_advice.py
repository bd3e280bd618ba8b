"""Variables to export, and what would gain more."""

from __future__ import annotations

import msgspec
import pytest

from holter.bench.records import LeftOut
from holter.bench.tuning.advice import command_for, not_compared, variables_of, what_gains_more
from holter.bench.tuning.records import Block, Bounds, Candidate, Interval, Tuned
from holter.bench.tuning.space import with_readers
from holter.doctor.records import Asked
from holter.reports.catalogue import phrase
from holter.sizes import GIB

ASKED = Asked(dataset="Dataset004_Hippocampus", configuration="3d_fullres")


def tuned(chosen: Candidate, **changed: object) -> Tuned:
    bounds = Bounds(
        cpus=8,
        cores=16,
        memory_bytes=100 * GIB,
        shm_bytes=50 * GIB,
        batch_bytes=1000,
        most_workers=16,
        most_threads=16,
    )
    made = Tuned(
        device="cuda",
        device_name="A100",
        bounds=bounds,
        present=with_readers("stock", 12),
        chosen=chosen,
        trials=(),
        gain=Interval(value=1.5, low=1.4, high=1.6),
        is_settled=True,
        failed=(),
        network_per_s=30.0,
        block=Block(per_s=15.0, wait_ratio=0.5, busy_cores=7.9),
        compiled=Interval(value=1.2, low=1.1, high=1.3),
        is_compiled=True,
        data_bytes=GIB,
        measured_s=100.0,
    )
    return msgspec.structs.replace(made, **changed)


def test_each_loader_has_its_own_variables() -> None:
    stock, ours = tuned(with_readers("stock", 6)), tuned(with_readers("holter", 5))
    assert variables_of(stock, {}) == (("nnUNet_n_proc_DA", "6"),)
    assert variables_of(ours, {}) == (("HOLTER_LOADER_THREADS", "5"),)
    assert variables_of(tuned(with_readers("holter", 5, 8)), {})[1:] == (("HOLTER_LOADER_BATCHES", "8"),)
    # The usual number must be said where another one is set.
    assert ("HOLTER_LOADER_BATCHES", "4") in variables_of(ours, {"HOLTER_LOADER_BATCHES": "8"})
    assert command_for(ours, ASKED) == "holter train Dataset004_Hippocampus 3d_fullres 0 --loader holter"


def test_compilation_is_changed_only_if_that_is_proved_to_be_faster() -> None:
    slow, unsure = Interval(value=0.9, low=0.88, high=0.92), Interval(value=0.9, low=0.7, high=1.1)
    chosen = with_readers("stock", 6)
    assert ("nnUNet_compile", "f") in variables_of(tuned(chosen, compiled=slow), {})
    assert len(variables_of(tuned(chosen, compiled=unsure), {})) == 1
    assert ("nnUNet_compile", "t") in variables_of(tuned(chosen, is_compiled=False), {})
    assert len(variables_of(tuned(chosen, is_compiled=False, compiled=slow), {})) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "7.9 of 8 cores are busy: more cores would gain more, up to 2.0 times as fast."),
        ({"block": Block(per_s=20, wait_ratio=0.01, busy_cores=8)}, "more cores would gain more, up to 1.5 times"),
        ({"block": Block(per_s=20, wait_ratio=0.01, busy_cores=3)}, "the network runs at 67 % of its own speed"),
        ({"block": Block(per_s=29.7, wait_ratio=0.01, busy_cores=7.9)}, "busy 99 % of the time: only a faster GPU"),
        ({"block": Block(per_s=15, wait_ratio=0.5, busy_cores=1), "data_bytes": 80 * GIB}, "a faster disk would gain"),
        ({"block": Block(per_s=15, wait_ratio=0.5, busy_cores=1)}, "holter bench says which part is slow"),
        ({"block": Block(per_s=15, wait_ratio=0.0, busy_cores=8), "device": "cpu"}, "a GPU would gain most"),
    ],
)
def test_what_no_setting_can_give(changed: dict[str, object], said: str) -> None:
    assert said in phrase(what_gains_more(tuned(with_readers("stock", 6), **changed)), "en")


def test_what_was_not_compared_is_said_with_its_reason() -> None:
    found = tuned(with_readers("stock", 6), left_out=(LeftOut(code="holter", detail="another nnU-Net"),))
    said = [phrase(message, "en") for message in not_compared(found)]
    assert said[0] == "Holter's loader: another nnU-Net"
    assert any("nnUNet_def_n_proc" in line for line in said)
    assert not any("kept in memory" in line for line in said)
