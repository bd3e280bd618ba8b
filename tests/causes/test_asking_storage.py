"""No command that is offered waits for a storage that does not answer: it would hang as the training does."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.causes import CAUSES, remote_fs_error, slow_storage
from holter.causes.offers import Offer
from holter.diagnosis.targets import read_tape
from holter.remedies.next_checks_table import CHECK_COMMANDS

TAPES = Path(__file__).parents[1] / "tapes"
# They ask the file system of a folder, and wait for its answer.
ASKS = ("df ", "findmnt -T", "findmnt --target")
# The disk is full and answers, or a folder is missing on one that answers.
ANSWERS = ("disk-full-or-quota", "truncated-preprocessed-file", "results-folder-gone", "shm-too-small")


def waits(command: str) -> bool:
    parts = [part.strip() for part in command.replace("||", ";").replace("&&", ";").split(";")]
    return any(part.startswith(ASKS) and "/dev/shm" not in part for part in parts)


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause not in ANSWERS])
def test_no_offer_waits_for_the_storage_without_a_limit(cause: str) -> None:
    module = __import__(f"holter.causes.{cause.replace('-', '_')}", fromlist=["OFFERS"])
    assert [offer.command for offer in module.OFFERS if offer.command and waits(offer.command)] == []


def test_no_check_waits_for_the_storage_without_a_limit() -> None:
    assert [check.command for check in CHECK_COMMANDS if waits(check.command)] == []


@pytest.mark.parametrize("offers", [slow_storage.OFFERS, remote_fs_error.OFFERS], ids=["slow", "error"])
@pytest.mark.parametrize(("pending_s", "offered"), [(15.0, "name-storage"), (1.0, "measure-storage")])
def test_where_the_storage_is_dead_only_the_kernel_is_asked(
    offers: tuple[Offer, ...], pending_s: float, offered: str
) -> None:
    facts = {"storage.pending_s": pending_s, "exception.kind": "remote-file-system"}
    ids = {offer.id for offer in offers if offer.only_if is None or offer.only_if(facts)}
    assert ids & {"name-storage", "measure-storage"} == {offered}


def test_the_command_for_a_slow_storage_ends_by_itself() -> None:
    (diagnosis, *_) = read_tape(TAPES / "slow_storage" / "disk_hangs.holter").diagnoses
    (command, *_) = [remedy.command for remedy in dict(diagnosis.remedies)["slow-storage"] if remedy.command]
    assert command.startswith("timeout -s KILL 5 df -hT /tmp/run/slow-disk/")
