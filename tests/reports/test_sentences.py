"""Sentences as data: defined once, filled with values in base units, shown in units as people say them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from holter import sentences
from holter.records import Message, Subject
from holter.reports.catalogue import phrase
from holter.sentences import ENGLISH, define

PAUSED = define("test.paused", "{who} has been silent for {age:duration}, holding {held:bytes} ({part:percent} %)")


def test_a_message_is_rendered_with_units_and_names() -> None:
    told = PAUSED(who=Subject(role="train-worker", index=3, pid=47), age=200.0, held=25.8e9, part=0.42)
    english = phrase(told, "en")
    assert english == "worker 3 (PID 47) has been silent for 3 min 20 s, holding 25.8 GB (42 %)"


def test_what_is_not_known_is_left_out_of_the_message() -> None:
    assert PAUSED(age=None, held=1.0).values == (("held", 1.0),)


def test_a_message_survives_the_tape() -> None:
    told = PAUSED(who=Subject(role="main"), age=1, held=2.5, part=0.1)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Message) == told


def test_a_key_stands_for_one_sentence() -> None:
    assert define("test.paused", ENGLISH["test.paused"]) == PAUSED
    with pytest.raises(ValueError, match=r"test\.paused is defined twice"):
        define("test.paused", "something else")


# Said on the console or to a server while a run goes on; never on a tape.
ONLY_SAID = ("run.py", "notify.py", "messages.py", "tape_place.py", "train.py", "sharing.py")
OF_ERRORS = ("error.", "next.", "safe.")
WRITE_TAPES = ("probes", "detectors", "evidence", "causes", "remedies", "supervisor")


def test_every_sentence_of_a_tape_is_known_to_a_command_that_only_reads_it() -> None:
    source = Path(sentences.__file__).parent
    files = [file for folder in WRITE_TAPES for file in (source / folder).rglob("*.py") if file.name not in ONLY_SAID]
    defined = {key for file in files for key in re.findall(r'define\(\s*"([^"]+)"', file.read_text(encoding="utf-8"))}
    script = "import holter.cli, holter.sentences; print(*holter.sentences.ENGLISH)"
    known = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {key for key in defined if not key.startswith(OF_ERRORS)} - set(known) == set()
    assert "main-hang.stands" in defined
