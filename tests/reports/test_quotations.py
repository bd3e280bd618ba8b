"""What a tape says in Chinese is Chinese: a plain string beside it is a quotation from the recording, or a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from holter.causes import diagnose_all
from holter.evidence.stated.choices import ENUMERATED
from holter.records import ActionTaken, Diagnosis, Fact, Message, Noted
from holter.reports.catalogue import phrase
from holter.reports.choices import choice_key
from holter.reports.wording import finding_text, later_lines
from holter.tape import Recording, read

FOLDER = Path(__file__).parents[1] / "tapes"
TAPES = sorted(FOLDER.rglob("*.holter"))
# As an older Holter wrote them: sentences of events and episodes are English strings, which must still be understood.
OLDER = {FOLDER / "disk_full_or_quota" / "training_goes_on.holter", FOLDER / "worker_killed" / "sigbus.holter"}
# Notes whose text is a name, a number or a quotation; the others are sentences.
QUOTING = ("began", "finished", "aborted", "fault", "fault-relieved", "orphans-left", "fatal-error", "simulated")
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")  # the reason of an action by its name: "step-again"
# A setting, a place in code, a signal: the same in every language.
NAME = re.compile(r"\w+=\S*|[\w.<>]+ \([\w.<>]+(?::\d+)?\)(?: in [\w.<>]+)?|SIG[A-Z]+")
# Values that are shown through their own sentence (an ending), or name a GPU, a file system or a part of the run.
NAMED_VALUE = re.compile(r"exit code \d+|GPU \d+(?: \(.*\))?|[\w.]+ \S+ on \S+|\d/\d")
# Words one after the other, as in an English sentence.
ENGLISH = re.compile(r"(?:\b[A-Za-z][a-z]* )+[a-z]+\b")
AS_RECORDED = {"device cpu"}  # "device: cuda:0" of nnU-Net's log
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


def shown_values(fact: Fact) -> tuple[object, ...]:
    """The value as it is shown; without processes, and words of a list, which have a name in each language."""
    shown = fact.value if fact.words is None else fact.words
    items = shown if isinstance(shown, tuple) else (shown,)
    is_choice = fact.name in ENUMERATED and all(choice_key(fact.name, str(item)) for item in items)
    return () if fact.processes or is_choice else items


def recorded(recording: Recording) -> str:
    return msgspec.json.encode((recording.all_ticks, recording.all_stacks, recording.environment)).decode()


def plain_strings(diagnosis: Diagnosis) -> Iterator[str]:
    """Everything that is shown as it stands; the reasons of episodes stand on the tape."""
    for fact in (*diagnosis.facts, *diagnosis.later):
        yield from (text for text in (fact.detail, fact.reason, *shown_values(fact)) if isinstance(text, str))
    for link in diagnosis.wait_chain:
        yield from (text for text in (link.waiter, link.target, link.how) if isinstance(text, str))


@pytest.mark.slow
@pytest.mark.parametrize("path", TAPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_plain_string_is_a_quotation_or_a_name(path: Path) -> None:
    recording = read(path)
    on_tape = recorded(recording)
    plain = {text for diagnosis in diagnose_all(recording) for text in plain_strings(diagnosis)}
    plain = {text for text in plain if not NAME.fullmatch(text) and not NAMED_VALUE.fullmatch(text)}
    assert {text for text in plain if msgspec.json.encode(text[:QUOTED_CHARS]).decode()[1:-1] not in on_tape} == set()


def chinese_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """All that a report may say of the evidence."""
    for verdict in diagnosis.verdicts:
        for finding in (*verdict.supports, *verdict.against, *verdict.unknown):
            yield finding_text(finding, diagnosis, "zh")
    for link in diagnosis.wait_chain:
        yield from (phrase(said, "zh") for said in (link.waiter, link.target, link.how))
    yield from later_lines(diagnosis, "zh")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in TAPES if path not in OLDER], ids=lambda p: f"{p.parent.name}-{p.stem}"
)
def test_english_in_what_is_shown_in_chinese_is_a_quotation(path: Path) -> None:
    recording = read(path)
    on_tape = " ".join(re.split(r"\s+|\\n", recorded(recording)))
    shown = {line for diagnosis in diagnose_all(recording) for line in chinese_lines(diagnosis)}
    english = {words for line in shown for words in ENGLISH.findall(line)} - AS_RECORDED
    assert {words for words in english if words not in on_tape} == set()
