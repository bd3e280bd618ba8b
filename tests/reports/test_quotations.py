"""What a tape says in Chinese is Chinese: a plain string beside it is a quotation from the recording, or a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from holter.causes import diagnose_all
from holter.records import ActionTaken, Diagnosis, Message, Noted
from holter.reports.catalogue import phrase
from holter.tape import read

FOLDER = Path(__file__).parents[1] / "tapes"
TAPES = sorted(FOLDER.rglob("*.holter"))
# As an older Holter wrote them: sentences of events and episodes are English strings, which must still be understood.
OLDER = {FOLDER / "disk_full_or_quota" / "training_goes_on.holter", FOLDER / "worker_killed" / "sigbus.holter"}
# Notes whose text is a name, a number or a quotation; the others are sentences.
QUOTING = ("began", "finished", "aborted", "fault", "fault-relieved", "orphans-left", "fatal-error", "simulated")
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")  # the reason of an action by its name: "step-again"
# A setting, a place in code, a signal: the same in every language.
NAME = re.compile(r"\w+=\S*|[\w.<>]+ \([\w.<>]+(?::\d+)?\)(?: in [\w.<>]+)?|SIG[A-Z]+")
# Long quotations are cut.
QUOTED_CHARS = 60


@pytest.mark.parametrize("path", TAPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_kept_tape_says_is_data_except_on_older_ones(path: Path) -> None:
    recording = read(path)
    strings = [episode.reason for episode in recording.episodes() if isinstance(episode.reason, str)]
    strings += [note.text for note in recording.events(Noted) if note.text and note.what not in QUOTING]
    strings += [action.text for action in recording.events(ActionTaken) if action.text]
    strings = [text for text in strings if text and not CODE.fullmatch(text)]
    assert bool(strings) == (path in OLDER), strings


def test_the_sentences_of_an_older_tape_are_shown_as_they_stand() -> None:
    for path in OLDER:
        reasons = [episode.reason for episode in read(path).episodes()]
        assert reasons and all(isinstance(reason, str) and phrase(reason, "zh") == reason for reason in reasons)


def test_the_reason_of_a_kept_episode_is_translated() -> None:
    (episode,) = read(FOLDER / "frozen_worker" / "fault.holter").episodes()
    assert isinstance(episode.reason, Message)
    assert phrase(episode.reason, "en") == "worker 0 (PID 7554) has been stopped (state T) for 5 s"
    assert re.search("[a-z]{3}", phrase(episode.reason, "zh")) is None


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
