"""The two files that are learned from texts and cases are those of the texts and cases of today."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from scripts import settled

from needs import imported

STALE = "run `make learned`, and commit the file"
# Another build of the linear algebra rounds a weight differently, or leaves out one that is just too small.
ROUNDING, LEFT_OUT = 0.11, 0.4


def weights(line: str) -> dict[str, float]:
    length, *entries = line.split()
    return {"": float(length)} | {row: float(weight) for row, _, weight in (entry.partition(":") for entry in entries)}


def differences(stored: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The terms whose weights differ by more than rounding."""
    found = sorted(stored.keys() ^ new.keys())
    for term in sorted(stored.keys() & new.keys()):
        before, after = weights(stored[term]), weights(new[term])
        both = before.keys() & after.keys()
        lone = [abs(value) for row, value in (before | after).items() if row not in both]
        if (
            max((abs(before[row] - after[row]) for row in both), default=0.0) > ROUNDING
            or max(lone, default=0.0) > LEFT_OUT
        ):
            found.append(term)
    return found


def test_a_difference_of_the_lexicon_is_seen() -> None:
    assert differences({"nfs": "5.0 1:0.5"}, {"nfs": "5.0 1:0.6"}) == []
    assert differences({"nfs": "5.0 1:0.5 2:0.3"}, {"nfs": "5.0 1:0.5"}) == []
    assert differences({"nfs": "5.0 1:0.5 2:0.9"}, {"nfs": "5.0 1:0.5"}) == ["nfs"]
    assert differences({"nfs": "5.0 1:0.5", "disk": "4.0"}, {"nfs": "5.0 1:0.9"}) == ["disk", "nfs"]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.sample
def test_the_lexicon_is_up_to_date() -> None:
    imported("sklearn")
    from scripts import lexicon

    stored, new = json.loads(lexicon.LEXICON.read_text(encoding="utf-8")), lexicon.learned()
    assert list(stored["bias"]) == list(new["bias"]), STALE
    assert differences(stored["terms"], new["terms"]) == [], STALE


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.sample
def test_the_counts_of_cases_are_up_to_date() -> None:
    assert json.loads(settled.SETTLED.read_text(encoding="utf-8")) == settled.counted(), STALE
