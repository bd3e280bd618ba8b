"""The command that goes on: the one of the contract."""

from __future__ import annotations

from holter.records import Ability, ContractSettled, Diagnosis, Environment, Episode, Fact, Verdict
from holter.remedies import REMEDIES, propose
from holter.sentences import define

TRAIN = ("nnUNetv2_train", "4", "2d", "0")
WATCHES = define("contract.only-watches", "Holter only watches here (holter train and run --heal act)")()
UNKNOWN = define(
    "resume.shell-script", "the command is a shell script, and which part of it continues the training is not known"
)()


def offered(command: tuple[str, ...], contract: ContractSettled | None = None) -> dict[str, str | None]:
    """Commands by the id of their remedy, for every cause."""
    episode = Episode(kind="death", start_s=10.0, alarm_s=10.0, detector="death", subject="main (PID 7)", pid=7)
    facts = (Fact(name="scope.nnunet", value=True), Fact(name="shm.total_bytes", value=10**12))
    verdicts = tuple(Verdict(cause=cause, verdict="likely", score=0.6) for cause in REMEDIES)
    environment = Environment(wall_start="2026-11-28T00:00:00+00:00", command=command, main_pid=7)
    told = propose(Diagnosis(episode=episode, verdicts=verdicts, facts=facts), environment, contract)
    return {one.id: one.command for _, some in told.remedies for one in some}


def settled(*, can: bool, what: str | None = None, why_not=None) -> ContractSettled:
    return ContractSettled(t_s=60.0, sees=(), does=(Ability(name="restart", can=can, what=what, why_not=why_not),))


def test_the_command_of_the_contract_goes_before_what_the_command_line_suggests() -> None:
    assert offered(TRAIN)["continue-from-checkpoint"] == "nnUNetv2_train 4 2d 0 --c"
    known = offered(("./start.sh",), settled(can=True, what="./start.sh --resume"))
    assert known["continue-from-checkpoint"] == "./start.sh --resume"
    assert "continue-by-hand" in offered(TRAIN, settled(can=False, why_not=UNKNOWN))


def test_where_holter_only_watches_the_command_line_tells() -> None:
    only = settled(can=False, why_not=WATCHES)
    assert offered(TRAIN, only)["continue-from-checkpoint"] == "nnUNetv2_train 4 2d 0 --c"
