"""A command of nnU-Net that does not train is offered nothing about epochs, checkpoints or the training's loader."""

from __future__ import annotations

import re

import pytest

from holter.records import Diagnosis, Environment, Episode, Fact, Remedy, Subject, Verdict
from holter.remedies import REMEDIES, propose
from holter.remedies.applies import AGAIN, PREDICT_AGAIN
from holter.reports.catalogue import every_sentence

SPEAKS = re.compile(r"checkpoint|epoch|validat|nnUNet_n_proc_DA|data worker", re.I)
PREDICT = ("nnUNetv2_predict", "-i", "in", "-o", "out", "-d", "4", "-c", "2d")
PREPROCESS = ("nnUNetv2_plan_and_preprocess", "-d", "4")


def offered(command: tuple[str, ...]) -> list[Remedy]:
    """Return all that is offered if every cause is possible."""
    episode = Episode(
        kind="death", start_s=10.0, alarm_s=10.0, detector="death", subject=Subject(role="pool-worker", pid=8), pid=8
    )
    environment = Environment(wall_start="2026-11-28T00:00:00+00:00", command=command, main_pid=7)
    verdicts = tuple(Verdict(cause=cause, verdict="possible", score=0.1) for cause in REMEDIES)
    facts = (Fact(name="scope.nnunet", value=True), Fact(name="progress.saved", value=False))
    diagnosis = propose(Diagnosis(episode=episode, verdicts=verdicts, facts=facts), environment, is_over=False)
    return [remedy for _, remedies in diagnosis.remedies for remedy in remedies]


def test_the_list_has_only_remedies_that_exist() -> None:
    ids = {offer.id for offers in REMEDIES.values() for offer in offers}
    assert ids >= set(AGAIN) | set(PREDICT_AGAIN)


@pytest.mark.parametrize("command", [PREDICT, PREPROCESS])
def test_nothing_speaks_of_a_training(command: tuple[str, ...]) -> None:
    sentences = every_sentence()
    words = {remedy.id: sentences[f"remedy.{remedy.id}"] for remedy in offered(command)}
    assert {name: text for name, text in words.items() if SPEAKS.search(text)} == {}
    assert not [remedy.command for remedy in offered(command) if re.search(r" --(c|val)\b", remedy.command or "")]


def test_a_prediction_goes_on_by_its_own_option() -> None:
    again = [remedy for remedy in offered(PREDICT) if remedy.id == "predict-again"]
    assert again
    assert {remedy.command for remedy in again} == {" ".join((*PREDICT, "--continue_prediction"))}


def test_preprocessing_is_started_again() -> None:
    again = [remedy for remedy in offered(PREPROCESS) if remedy.id == "run-again"]
    assert again
    assert {remedy.command for remedy in again} == {" ".join(PREPROCESS)}
