"""What a tape says in Chinese is Chinese: a plain string beside it is a quotation from the recording, or a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from holter.causes import diagnose_all
from holter.records import Diagnosis
from holter.tape import read

TAPES = sorted((Path(__file__).parents[1] / "tapes").rglob("*.holter"))
# A setting, a place in code, a signal: the same in every language.
NAME = re.compile(r"\w+=\S*|[\w.<>]+ \([\w.<>]+(?::\d+)?\)(?: in [\w.<>]+)?|SIG[A-Z]+")
# Long quotations are cut.
QUOTED_CHARS = 60


def plain_strings(diagnosis: Diagnosis) -> Iterator[str]:
    """Everything that is shown as it stands; the reasons of episodes stand on the tape."""
    for fact in (*diagnosis.facts, *diagnosis.later):
        yield from (text for text in (fact.detail, fact.reason) if isinstance(text, str))
    for link in diagnosis.wait_chain:
        yield from (text for text in (link.waiter, link.target, link.how) if isinstance(text, str))


@pytest.mark.slow
@pytest.mark.parametrize("path", TAPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_plain_string_is_a_quotation_or_a_name(path: Path) -> None:
    recording = read(path)
    parts = (recording.all_ticks, recording.all_stacks, recording.environment)
    recorded = msgspec.json.encode(parts).decode()
    plain = {text for one in diagnose_all(recording) for text in plain_strings(one) if not NAME.fullmatch(text)}
    assert {text for text in plain if msgspec.json.encode(text[:QUOTED_CHARS]).decode()[1:-1] not in recorded} == set()
