"""The campaign's bookkeeping: what is run, what is left to run, and one table of several files. Nothing is trained."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are beside the source: python -m pytest in the checkout")

from benchmarks.faults.catalogue import CAMPAIGN
from benchmarks.faults.outside import parse
from benchmarks.survival import campaign, results
from benchmarks.survival.__main__ import make_plan, parser
from benchmarks.survival.account import Account
from benchmarks.survival.outcome import Outcome
from benchmarks.survival.table import CORE, FAULTS

from holter.errors import BadInput


def plan(*words: str):
    return make_plan(parser().parse_args(["--data", "brains,hippocampus", *words]))


def outcome(fault: str = "worker-sigkill", **more) -> Outcome:
    return Outcome(**{"fault": fault, "supervised": True, "data": "brains", "survived": True, **more})


def keys(*words: str) -> list:
    return [order.key for order in campaign.orders(plan(*words))]


def test_parts_and_sides_are_the_whole_campaign_and_share_nothing():
    everything = keys()
    parts = [keys("--only", "stock", "--part", f"{number}/2") for number in (1, 2)]
    halves = [*parts, keys("--only", "holter", "--kills", "0")]
    halves.append(keys("--only", "holter", "--faults", "main-sigkill-while-saving", "--healthy", "0"))
    together = [key for half in halves for key in half]
    assert sorted(together) == sorted(everything)
    assert len(set(everything)) == len(everything)
    assert abs(len(parts[0]) - len(parts[1])) <= 1


def test_every_fault_is_there_on_both_sides_and_some_on_the_second_data():
    everything = keys()
    with_holter = {fault for fault, data, supervised, _ in everything if supervised and data == "brains"}
    assert with_holter == {*FAULTS, "none"} and len(FAULTS) >= 24
    assert set(CAMPAIGN) <= set(FAULTS)
    assert {fault for fault, data, _, _ in everything if data == "hippocampus"} == {*CORE, "none"}
    stock = {fault for fault, data, supervised, _ in everything if not supervised}
    assert set(FAULTS) - stock == {"supervisor-sigkill"}


def test_what_was_done_is_not_done_again_and_is_kept_after_every_run(monkeypatch):
    monkeypatch.setattr(campaign.datasets, "prepared", lambda name: None)
    monkeypatch.setattr(campaign, "play", lambda fault, *_, **__: outcome(fault.name))
    done = [outcome("none"), outcome("worker-sigkill"), outcome("worker-sigstop", skipped="no time")]
    kept = []
    words = ("--faults", "worker-sigkill,worker-sigstop", "--healthy", "1", "--only", "holter", "--data", "brains")
    found = campaign.campaign(plan(*words), done, lambda outcomes: kept.append(len(outcomes)))
    assert [(outcome.fault, outcome.skipped) for outcome in found] == [
        ("none", None), ("worker-sigkill", None), ("worker-sigstop", None),
    ]  # fmt: skip
    assert kept == [2, 3]


def test_results_are_read_as_they_were_written(tmp_path):
    account = Account(startup_s=8.5, back_s=3.0, lost_s=4.0, actions=("replace-workers",))
    before = [outcome(account=account, faults=1), outcome("torn-all", survived=False, exit_code=76, supervised=False)]
    results.write(tmp_path / "a.json", before, {"CPUs": "2"})
    assert results.read(tmp_path / "a.json") == results.Results({"CPUs": "2"}, before)
    document = json.loads((tmp_path / "a.json").read_text())
    assert {"results", "goals", "machine"} <= set(document)
    assert document["results"][0]["Holter survived"] == "yes"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_files_are_put_together_and_a_run_that_took_place_counts(tmp_path):
    stock, again = outcome(supervised=False, survived=False), outcome(survived=True, wall_s=2.0)
    results.write(tmp_path / "a.json", [outcome(skipped="missing", survived=False), stock], {"CPUs": "2", "load": "1"})
    results.write(tmp_path / "b.json", [again], {"CPUs": "2", "load": "2"})
    for files in (("a.json", "b.json"), ("b.json", "a.json")):
        found = results.merge([tmp_path / name for name in files])
        assert sorted(found.outcomes, key=lambda outcome: outcome.supervised) == [stock, again]
        assert found.machine["CPUs"] == "2" and sorted(found.machine["load"].split(" | ")) == ["1", "2"]


def test_another_file_is_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"goals": []}')
    with pytest.raises(BadInput, match="no results of the campaign"):
        results.read(tmp_path / "a.json")


def test_every_case_of_the_final_validation_counts_as_a_sign_of_life():
    text = "2026-01-01 00:00:00.0: Epoch 0 \n2026-01-01 00:00:09.0: Epoch time: 9.0 s\n"
    before = parse(text)
    assert (before.begun, before.ended, before.validates) == ((0,), (0,), False)
    during = parse(text + "2026-01-01 00:00:10.0: predicting brain_1\n2026-01-01 00:00:11.0: predicting brain_2\n")
    assert during.validates and during != before
    assert parse(text + "2026-01-01 00:00:20.0: Validation complete\n").validated
