"""The command that goes on: the one of the contract, and never a Holter around a Holter."""

from __future__ import annotations

import pytest

from holter.records import Ability, ContractSettled, Diagnosis, Environment, Episode, Fact, Subject, Verdict
from holter.remedies import REMEDIES, propose
from holter.sentences import define

TRAIN = ("nnUNetv2_train", "4", "2d", "0")
OURS = ("/opt/python", "-m", "holter.trainer.entry", "4", "2d", "0", "--loader", "auto")
WATCHES = define("contract.only-watches", "Holter only watches here (holter train and run --heal act)")()
UNKNOWN = define(
    "resume.shell-script", "the command is a shell script, and which part of it continues the training is not known"
)()


def offered(
    command: tuple[str, ...], contract: ContractSettled | None = None, folder: str | None = None
) -> dict[str, str | None]:
    """Commands by the id of their remedy, for every cause."""
    episode = Episode(
        kind="death", start_s=10.0, alarm_s=10.0, detector="death", subject=Subject(role="main", pid=7), pid=7
    )
    facts = (Fact(name="scope.nnunet", value=True), Fact(name="shm.total_bytes", value=10**12))
    verdicts = tuple(Verdict(cause=cause, verdict="likely", score=0.6) for cause in REMEDIES)
    environment = Environment(
        wall_start="2026-11-28T00:00:00+00:00", command=command, main_pid=7, working_folder=folder
    )
    told = propose(Diagnosis(episode=episode, verdicts=verdicts, facts=facts), environment, contract, is_over=False)
    return {offer.id: offer.command for _, some in told.remedies for offer in some}


def settled(*, can: bool, what: str | None = None, why_not=None) -> ContractSettled:
    return ContractSettled(t_s=60.0, sees=(), does=(Ability(name="restart", can=can, what=what, why_not=why_not),))


@pytest.mark.parametrize(
    ("remedy", "of_train", "of_command"),
    [
        ("workers-not-forked", "", "HOLTER_START_METHOD=forkserver OMP_NUM_THREADS=1 "),
        ("fewer-arenas", "", "MALLOC_ARENA_MAX=2 "),
        ("file-system-sharing", "--sharing file_system ", ""),
        ("heal-read-only-data", "", ""),
        ("record-next-time", "", ""),
    ],
)
def test_a_run_of_holter_train_gets_the_options_itself(remedy: str, of_train: str, of_command: str) -> None:
    command = offered(OURS).get(remedy)
    assert command == f"{of_command}holter train {of_train}4 2d 0"
    wrapped = offered(TRAIN)[remedy]
    assert wrapped is not None and "holter run " in wrapped and wrapped.endswith("-- nnUNetv2_train 4 2d 0 --c")


def test_the_command_of_the_contract_goes_before_what_the_command_line_suggests() -> None:
    assert offered(TRAIN)["continue-from-checkpoint"] == "nnUNetv2_train 4 2d 0 --c"
    known = offered(("./start.sh",), settled(can=True, what="./start.sh --resume"))
    assert known["continue-from-checkpoint"] == "./start.sh --resume"
    assert "continue-by-hand" in offered(TRAIN, settled(can=False, why_not=UNKNOWN))


def test_where_holter_only_watches_the_command_line_tells() -> None:
    only = settled(can=False, why_not=WATCHES)
    assert offered(TRAIN, only)["continue-from-checkpoint"] == "nnUNetv2_train 4 2d 0 --c"


@pytest.mark.parametrize("contract", [None, settled(can=True, what="cd '/my work' && bin/train 4 2d 0 --c")])
def test_a_relative_command_is_offered_for_any_folder(contract: ContractSettled | None) -> None:
    """The folder comes first, before the variables that are for the command."""
    told = offered(("bin/nnUNetv2_train", *TRAIN[1:]), contract, "/my work")
    continues = "bin/nnUNetv2_train 4 2d 0 --c" if contract is None else "bin/train 4 2d 0 --c"
    assert told["continue-from-checkpoint"] == f"cd '/my work' && {continues}"
    assert told["fewer-arenas"] == f"cd '/my work' && MALLOC_ARENA_MAX=2 holter run -- {continues}"
    assert told["validate-again"] == "cd '/my work' && bin/nnUNetv2_train 4 2d 0 --val"
    assert (offered(TRAIN, None, "/my work")["continue-from-checkpoint"] or "").startswith("nnUNetv2_train ")


@pytest.mark.parametrize("folder", ["/data/run{1}", "/data/${USER}", "/data/a}b", "/data/{x}"])
@pytest.mark.parametrize("command", [("bin/nnUNetv2_train", *TRAIN[1:]), (*OURS, "-tr", "lib/own.py")])
def test_a_folder_may_have_braces_in_its_name(folder: str, command: tuple[str, ...]) -> None:
    told = offered(command, None, folder)
    start = f"cd '{folder}' && "
    for remedy in ("continue-from-checkpoint", "fewer-arenas", "workers-not-forked"):
        assert (told[remedy] or "").startswith(start), remedy
