"""``holter diagnose`` on a stock training that runs, hangs already, or was killed: a PID and a results folder."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.demo.prepare import Prepared
from holter.diagnosis.result import DiagnosisResult
from holter.diagnosis.targets import diagnose_target
from holter.errors import NotATraining
from holter.reports.catalogue import phrase
from supervisor.start.test_attach import Stock

pytestmark = pytest.mark.training


@pytest.fixture
def stock(brain: Prepared, tmp_path: Path) -> Iterator[Stock]:
    training = Stock(brain, tmp_path)
    yield training
    training.end()


def look(target: object) -> DiagnosisResult:
    return diagnose_target(str(target), tell_observed=lambda t_s: None)


@pytest.mark.long
def test_a_training_that_works_and_then_hangs_before_anybody_came(stock: Stock) -> None:
    stock.wait_for("Epoch 1")
    assert look(stock.pid).diagnoses == ()
    # A worker that waits for room in its queue may be stopped for long without harm: stop the one that is due.
    for worker in stock.workers():
        worker.suspend()
    time.sleep(12)
    found = look(stock.pid)
    verdict = found.diagnoses[0].verdicts[0]
    assert (verdict.cause, verdict.verdict) == ("frozen-worker", "confirmed")
    assert "kill -CONT" in str(dict(found.diagnoses[0].remedies)["frozen-worker"][0].command)


@pytest.mark.long
def test_the_folder_of_a_training_that_was_killed(stock: Stock, tmp_path: Path) -> None:
    stock.wait_for("Epoch 2")
    folder = next((tmp_path / "results").rglob("fold_0"))
    running = look(folder)
    told = "\n".join(phrase(note, "en") for note in running.notes)
    assert "seems to be running" in told
    assert not any(diagnosis.episode.kind in ("death", "stall") for diagnosis in running.diagnoses)
    os.killpg(stock.pid, signal.SIGKILL)
    stock.process.wait()
    shutil.copy(stock.log, folder / "nohup.out")
    with (folder / "nohup.out").open("a") as console:
        console.write("Killed\n")
    # A trainer's folder will do as well: the fold that was written to last is meant.
    found = look(folder.parent)
    verdict = next(diagnosis for diagnosis in found.diagnoses if diagnosis.episode.kind == "death").verdicts[0]
    # Whether the kernel or a person sent SIGKILL, a folder does not say: a bare "Killed" proves neither.
    assert (verdict.cause, verdict.verdict) == ("external-kill", "possible")
    facts = {fact.name: fact.value for fact in found.diagnoses[0].facts if fact.status == "known"}
    assert facts["plan.configuration"] == "3d_fullres"
    assert str(facts["software.torch"]).startswith("2.")
    assert facts["epochs.count"] >= 2  # type: ignore[operator]


def test_a_folder_without_a_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotATraining, match="no training log"):
        look(tmp_path)
