"""What measured ceilings mean: the epoch, what limits it, and the one thing to change."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.bench.advice import advice_for, not_measured
from holter.bench.forecast import better, cores_wanted, epoch_of, forecast_of, limit_of, rows_of
from holter.bench.published import published_for
from holter.bench.records import LeftOut, Measured, Rate, Side
from holter.doctor.records import Asked
from holter.reports.catalogue import phrase
from holter.trainer.sentences import DIFFERENT

ASKED = Asked(dataset="Dataset004_Hippocampus", configuration="3d_fullres")
GIB = 1 << 30


def side(**changes: Any) -> Side:
    """nnU-Net's loader with two workers, each part far faster than the network."""
    usual = {
        "loader": "stock", "readers": 2, "a_core": Rate(per_s=50), "warm": Rate(per_s=300), "cold": Rate(per_s=200),
        "read_cpu_s": 0.005, "hand_over": Rate(per_s=900), "together": Rate(per_s=15, low=14.5, high=15.5),
        "wait_ratio": 0.0, "ready": 0.0, "val_epoch_s": 5.0,
    }  # fmt: skip
    return Side(**{**usual, **changes})


def measured(**changes: Any) -> Measured:
    usual = {
        "device": "cuda", "device_name": "NVIDIA A100-SXM4-40GB", "kernels": "AVX2", "versions": (), "batch_size": 2,
        "patch_size": (128, 128, 128), "iterations": 250, "val_iterations": 50, "epochs": 1000, "save_every": 50,
        "cpus": 2.0, "compute": Rate(per_s=15.3), "compute_cpu_s": 0.01, "val_compute": Rate(per_s=40),
        "stock": side(), "holter": None, "equal": None, "epoch_end_s": 1.0, "checkpoint_s": 2.0,
        "checkpoint_bytes": 10**8, "data_bytes": GIB, "free_bytes": 100 * GIB, "cached_ratio": 1.0,
    }  # fmt: skip
    return Measured(**{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({}, "network"),
        ({"together": Rate(per_s=10.0)}, "cores"),  # no step waits, and each is slower beside the loader
        ({"together": Rate(per_s=3.0), "wait_ratio": 0.8, "a_core": Rate(per_s=1.6)}, "augmentation"),
        ({"together": Rate(per_s=3.0), "wait_ratio": 0.8, "warm": Rate(per_s=3.2)}, "reading"),
        ({"together": Rate(per_s=3.0), "wait_ratio": 0.8, "hand_over": Rate(per_s=3.1)}, "hand-over"),
        (
            {"together": Rate(per_s=3.0), "wait_ratio": 0.8, "a_core": Rate(per_s=5.0)},
            "cores",
        ),  # none explains it alone
    ],
)
def test_the_lowest_ceiling_limits_if_steps_wait(changes: dict[str, Any], limit: str) -> None:
    assert limit_of(measured(), side(**changes)) == limit


def test_the_disk_counts_only_if_the_cases_do_not_fit_into_memory() -> None:
    starved = side(together=Rate(per_s=3.0), wait_ratio=0.8, cold=Rate(per_s=3.1), a_core=Rate(per_s=2.0))
    assert limit_of(measured(), starved) == "augmentation"
    large = measured(data_bytes=90 * GIB)
    assert limit_of(large, starved) == "reading"
    rows = {row.key: row for row in rows_of(msgspec.structs.replace(large, stock=starved))}
    assert rows["cold.stock"].limits
    assert not rows["warm.stock"].limits


def test_an_epoch_is_its_steps_its_validation_and_its_end() -> None:
    assert epoch_of(measured(), side(), 10.0) == pytest.approx(250 * 2 / 10 + 5 + 1)


def test_batches_that_are_ready_cost_a_starved_training_no_waiting() -> None:
    starved = side(wait_ratio=0.8, ready=50.0)
    assert epoch_of(measured(), starved, 5.0) == pytest.approx(200 * 2 / 5 + 6)
    full = side(wait_ratio=0.8, ready=250.0)
    assert epoch_of(measured(), full, 5.0) == pytest.approx(250 * 2 / 15.3 + 6)  # the network still has to train them


@given(
    rate=st.floats(0.01, 1e4), ready=st.floats(0, 1000), wait=st.floats(0, 1), compute=st.floats(0.01, 1e4),
)  # fmt: skip
def test_a_faster_loader_never_makes_an_epoch_longer(rate: float, ready: float, wait: float, compute: float) -> None:
    facts = measured(compute=Rate(per_s=compute))
    loader = side(wait_ratio=wait, ready=ready)
    assert epoch_of(facts, loader, rate * 1.1) <= epoch_of(facts, loader, rate)


def test_the_whole_has_a_checkpoint_every_save_every_epochs() -> None:
    found = forecast_of(measured(), side())
    assert found is not None
    assert found.total_s == pytest.approx(1000 * found.epoch_s + 20 * 2.0)
    assert found.epoch_low_s is not None
    assert found.epoch_high_s is not None
    assert found.epoch_low_s < found.epoch_s < found.epoch_high_s


def test_cores_wanted_are_those_of_augmentation_and_reading() -> None:
    assert cores_wanted(measured(), side()) == pytest.approx(15.3 * (1 / 50 + 0.005))
    assert cores_wanted(measured(), side(a_core=None)) is None


def test_a_loader_that_was_not_measured_together_has_no_forecast_and_is_never_chosen() -> None:
    assert forecast_of(measured(), side(together=None)) is None
    assert better(forecast_of(measured(), side()), None) == "stock"
    assert better(None, None) == "stock"


@pytest.mark.parametrize(
    ("rate", "chosen"),
    [
        (Rate(per_s=16.5, low=14, high=19), "stock"),  # the intervals overlap
        (Rate(per_s=16.5, low=16.4, high=16.6), "holter"),
        (Rate(per_s=16.5), "stock"),  # too few steps for an interval
        (Rate(per_s=40), "holter"),
    ],
)
def test_a_loader_is_advised_only_if_it_is_surely_faster(rate: Rate, chosen: str) -> None:
    holter = forecast_of(measured(), side(loader="holter", together=rate))
    assert better(forecast_of(measured(), side()), holter) == chosen


def test_a_short_measurement_says_that_it_has_no_interval() -> None:
    said = [message.key for message in not_measured(measured(stock=side(together=Rate(per_s=3.0))), 5.0)]
    assert "bench.not.interval" in said
    assert "bench.not.interval" not in [message.key for message in not_measured(measured(), 120.0)]


def test_the_augmentation_of_a_loader_uses_no_more_cores_than_it_has_workers_or_the_machine_has() -> None:
    for cpus, readers, cores in ((8.0, 2, 2), (1.5, 12, 1.5)):
        facts = measured(cpus=cpus, stock=side(readers=readers))
        row = next(row for row in rows_of(facts) if row.key == "augmentation.stock")
        assert row.rate.per_s == pytest.approx(50 * cores)


STARVED = {"together": Rate(per_s=3.0), "wait_ratio": 0.8}


@pytest.mark.parametrize(
    ("facts", "key", "command"),
    [
        ({}, "network", "holter train Dataset004_Hippocampus 3d_fullres 0"),
        ({"device": "cpu"}, "cpu", "holter train Dataset004_Hippocampus 3d_fullres 0"),
        (
            {"stock": side(**STARVED, a_core=Rate(per_s=1.6)), "cpus": 8.0},
            "workers",
            "nnUNet_n_proc_DA=8 holter train Dataset004_Hippocampus 3d_fullres 0",
        ),
        (
            {"stock": side(**STARVED, cold=Rate(per_s=3.1)), "data_bytes": 90 * GIB},
            "disk",
            "cp -r '/a b/Dataset004_Hippocampus' /fast/disk/  # nnUNet_preprocessed=/fast/disk",
        ),
        (
            {"stock": side(**STARVED, hand_over=Rate(per_s=3.1))},
            "hand-over",
            "holter train Dataset004_Hippocampus 3d_fullres 0 --loader holter",
        ),
        (
            {"stock": side(**STARVED), "holter": side(loader="holter")},
            "holter",
            "holter train Dataset004_Hippocampus 3d_fullres 0 --loader holter",
        ),
    ],
)
def test_one_command_changes_most(facts: dict[str, Any], key: str, command: str) -> None:
    found = measured(**facts)
    forecasts = [forecast_of(found, loader) for loader in (found.stock, found.holter) if loader is not None]
    known = [forecast for forecast in forecasts if forecast is not None]
    chosen = better(known[0], known[1] if len(known) > 1 else None)
    said, step = advice_for(found, known, chosen, ASKED, {"nnUNet_preprocessed": "/a b"})
    assert said.key == f"bench.advice.{key}"
    assert step == command
    assert "{" not in phrase(said, "en") + phrase(said, "zh")


def test_the_command_keeps_trainer_plans_and_device() -> None:
    asked = msgspec.structs.replace(ASKED, trainer="nnUNetTrainerDA5", plans="mine", fold="all")
    found = measured(device="cpu", stock=side(together=None))
    _, step = advice_for(found, (), "stock", asked, {})
    assert step == "holter train Dataset004_Hippocampus 3d_fullres all -tr nnUNetTrainerDA5 -p mine -device cpu"


def test_what_was_left_out_is_said_with_its_reason() -> None:
    said = [
        phrase(message, "en")
        for message in not_measured(measured(left_out=(LeftOut(code="holter", detail="own data"),)), 9.0)
    ]
    assert said[0] == "Holter's loader: own data"
    assert any("final validation" in sentence for sentence in said)


def test_the_reason_for_what_was_left_out_is_in_the_language_of_the_sentence() -> None:
    came = msgspec.json.encode(LeftOut(code="different", detail=DIFFERENT(name="GammaTransform")))
    left_out = msgspec.json.decode(came, type=LeftOut)
    said = not_measured(measured(left_out=(left_out,)), 9.0)[0]
    assert phrase(DIFFERENT(name="GammaTransform"), "zh") in phrase(said, "zh")
    assert phrase(DIFFERENT(name="GammaTransform"), "en") in phrase(said, "en")


def test_published_epochs_are_those_of_this_gpu_or_all() -> None:
    assert {row.gpu for row in published_for(3, "NVIDIA A100-SXM4-40GB")} == {"A100"}
    assert {row.gpu for row in published_for(3, "NVIDIA GeForce RTX 2080 Ti")} == {"RTX 2080 Ti"}
    assert len(published_for(2, "some CPU")) == 3
    assert {row.what for row in published_for(2, "")} == {"2d"}
