"""What speaks of nnU-Net is offered to nnU-Net's trainings alone."""

from __future__ import annotations

import re

import pytest

from holter.records import Diagnosis, Environment, Episode, Fact, Finding, Subject, Verdict
from holter.remedies import REMEDIES, propose
from holter.remedies.next_checks import next_checks
from holter.reports.catalogue import every_sentence

SPEAKS = re.compile(
    r"nnU|batchgenerators|checkpoint|validat|preprocess|epoch|\bfold\b|data ?set|\bthis case\b|cases at a time", re.I
)
OF_NNUNET = {offer.id for offers in REMEDIES.values() for offer in offers if offer.of_nnunet}
DEATH = Episode(kind="death", start_s=10.0, alarm_s=10.0, detector="death", subject=Subject(role="main", pid=7), pid=7)
ENVIRONMENT = Environment(wall_start="2026-11-28T00:00:00+00:00", command=("python", "script.py"), main_pid=7)


def diagnosis(*, nnunet: bool) -> Diagnosis:
    """Every cause is possible: what would be offered?"""
    facts = (Fact(name="scope.nnunet", value=nnunet), Fact(name="workers.count", value=4))
    verdicts = tuple(Verdict(cause=cause, verdict="possible", score=0.1) for cause in REMEDIES)
    return Diagnosis(episode=DEATH, verdicts=verdicts, facts=facts)


def test_every_remedy_that_speaks_of_nnunet_is_known_to():
    offers = [offer for offers in REMEDIES.values() for offer in offers]
    speaking = {offer.id for offer in offers if SPEAKS.search(every_sentence().get(f"remedy.{offer.id}", ""))}
    unmarked = {offer.id for offer in offers if not offer.of_nnunet}
    assert speaking & unmarked == set(), "of_nnunet=True is missing in the Offer"


def test_a_script_is_offered_nothing_of_nnunet_and_the_rest_without_its_settings():
    remedies = dict(propose(diagnosis(nnunet=False), ENVIRONMENT, is_over=False).remedies)
    offered = [offer for some in remedies.values() for offer in some]
    assert not [offer.id for offer in offered if offer.id in OF_NNUNET]
    assert not [offer.command for offer in offered if re.search("nnunet|batchgen", offer.command or "", re.I)]
    fewer = next(remedy for remedy in remedies["ram-oom-train-worker"] if remedy.id == "fewer-workers")
    assert fewer.command is None


def test_nnunets_training_is_offered_both():
    remedies = dict(propose(diagnosis(nnunet=True), ENVIRONMENT, is_over=False).remedies)
    assert {"fewer-workers", "more-memory"} <= {remedy.id for remedy in remedies["ram-oom-train-worker"]}
    fewer = next(remedy for remedy in remedies["ram-oom-train-worker"] if remedy.id == "fewer-workers")
    assert fewer.command == "export nnUNet_n_proc_DA=2"


@pytest.mark.parametrize("nnunet", [True, False])
def test_nobody_looks_for_folders_that_a_script_never_had(nnunet):
    facts = diagnosis(nnunet=nnunet).facts
    open_fact = Finding(fact="save.failed", text="save-failed")
    verdict = Verdict(cause="disk-full-or-quota", verdict="possible", score=0.1, unknown=(open_fact,))
    looks = next_checks(Diagnosis(episode=DEATH, verdicts=(verdict,), facts=facts), ENVIRONMENT)
    assert any("nnUNet" in check.command for check in looks) == nnunet
