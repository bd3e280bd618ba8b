"""Details and reasons of facts can be shown in both languages, with a value for every blank."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holter.causes import diagnose_all
from holter.records import Message
from holter.reports.catalogue import phrase
from holter.reports.catalogue.filling import STRICT
from holter.tape import read

TAPES = Path(__file__).parents[1] / "tapes"
# Between them they state most facts: a crowd, a limit on memory, ranks, a full /dev/shm, a dead mount.
CAUSES = (
    "cgroup_page_cache_pressure", "concurrent_jobs_contention", "cpu_starved_augmentation", "ddp_collective_timeout",
    "ram_oom_train_worker", "shm_too_small", "slow_storage",
)  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NAMES = ("standing.nnunet", "standing.torch", "seen.software.torch")


@pytest.mark.parametrize("cause", CAUSES)
def test_every_detail_and_reason_is_whole_in_both_languages(cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STRICT, "1")
    tape = min((TAPES / cause).glob("*.holter"))
    facts = [fact for diagnosis in diagnose_all(read(tape)) for fact in diagnosis.facts]
    told = [text for fact in facts for text in (fact.detail, fact.reason) if isinstance(text, Message)]
    assert told
    for message in told:
        assert "{" not in phrase(message, "en")
        assert CHINESE.search(phrase(message, "zh")) or message.key in NAMES, message
