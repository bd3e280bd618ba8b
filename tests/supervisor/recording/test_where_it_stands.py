"""A loop over a DataLoader that stands between two batches is a notice; one that works, or asks a person, is none."""

from __future__ import annotations

import json
import os
import signal
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from holter.causes import diagnose_all
from holter.detectors import standing
from holter.probes.process import stacks
from holter.probes.process.py_spy import find_py_spy
from holter.records import ActionTaken, Notice, Tick
from holter.reports.json.as_json import to_json
from holter.reports.outcome import outcome_of
from holter.reports.terminal import print_diagnosis
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.result import RunResult
from holter.supervisor.run import run
from holter.tape import Recording, read
from needs import needs

STANDS = Path(__file__).parents[1] / "stands.py"
# Instead of ten minutes; and what stood before is no measure here.
SCALED = {"FLOOR_S": 10.0, "TIMES_LONGEST": 0.0}
FOR_S = 24.0
TOLD = {"in_lock": "lock", "in_socket": "socket", "in_flock": "file-lock", "in_sleep": "sleep", "in_child": "child"}
HEALTHY = ("computes", "child_computes", "uploads", "child_uploads", "polls", "asks", "asks_at_terminal", "debugs")
POLLS = ("looks_for_a_file", "asks_a_queue", "asks_a_server")
TOLD_UNREAD = ("in_lock", "in_socket", "in_sleep", "in_child")
HEALTHY_UNREAD = ("evaluates", "asks", "asks_at_terminal", "child_computes", "polls")
UNSEEN = ("thread_uploads", "thread_downloads", "detached_computes")  # in no counter of the main thread

pytestmark = [pytest.mark.training, pytest.mark.long]


def play(
    folder: Path, *ways: str, heal: bool = False, each_tick=None, for_s: float = FOR_S
) -> tuple[RunResult, Recording]:
    result = run(
        (sys.executable, str(STANDS), str(for_s), *ways),
        folder / "t.holter",
        variables={**os.environ, "TMPDIR": str(folder)},
        quiet_output=folder / "output.txt",
        heal=heal,
        each_tick=each_tick,
    )
    return result, read(folder / "t.holter")


@pytest.fixture(autouse=True)
def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SCALED.items():
        monkeypatch.setattr(standing, name, value)


def notices(recording: Recording, what: str) -> list[Notice]:
    return [notice for notice in recording.events(Notice) if notice.what == what]


def test_each_place_is_named_once_and_work_and_persons_are_left_alone(tmp_path: Path) -> None:
    ways = [way for pair in zip(TOLD, HEALTHY, strict=False) for way in pair] + list(HEALTHY[len(TOLD) :])
    result, recording = play(tmp_path, *ways, heal=True)
    assert result.returncode == 0, (tmp_path / "output.txt").read_text()
    told = notices(recording, "main-stands")
    places = [str(notice.message.value("place")).split()[0] for notice in told]
    assert places == list(TOLD), places
    assert [notice.message.value("kind").key for notice in told] == [f"standing.{kind}" for kind in TOLD.values()]
    assert all("(stands.py:" in str(notice.message.value("place")) for notice in told)
    assert all(10 <= float(notice.message.value("age")) <= FOR_S + 2 for notice in told)
    assert len(notices(recording, "main-goes-on")) == len(TOLD)
    assert result.episodes == () and not recording.events(ActionTaken)
    assert outcome_of(recording, (), is_over=True).headline.key == "outcome.finished"


def test_a_transfer_in_a_thread_and_a_detached_process_are_activity(tmp_path: Path) -> None:
    result, recording = play(tmp_path, *UNSEEN, "in_lock")
    assert result.returncode == 0, (tmp_path / "output.txt").read_text()
    told = notices(recording, "main-stands")
    assert [str(notice.message.value("place")).split()[0] for notice in told] == ["in_lock"]


def test_a_loop_that_looks_every_few_seconds_does_not_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit within which a stack is not always being taken."""
    monkeypatch.setattr(standing, "FLOOR_S", 40.0)
    result, recording = play(tmp_path, *POLLS, "in_lock", for_s=60.0)
    assert result.returncode == 0, (tmp_path / "output.txt").read_text()
    told = notices(recording, "main-stands")
    assert [str(notice.message.value("place")).split()[0] for notice in told] == ["in_lock"]


@needs("unshare")
def test_without_a_stack_the_kernel_tells_that_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses a py-spy in a user namespace of its own, as Yama and containers refuse it."""
    refused = tmp_path / "py-spy"
    refused.write_text(f'#!/bin/sh\nexec unshare --user "{find_py_spy()}" "$@"\n')
    refused.chmod(0o755)
    monkeypatch.setattr(stacks, "find_py_spy", lambda: refused)
    ways = [way for pair in zip(HEALTHY_UNREAD, TOLD_UNREAD, strict=False) for way in pair] + [HEALTHY_UNREAD[-1]]
    result, recording = play(tmp_path, *ways, heal=True)
    assert result.returncode == 0, (tmp_path / "output.txt").read_text()
    told = [notice.message for notice in notices(recording, "main-stands")]
    assert {message.key for message in told} == {"notice.main-unread"}
    assert [message.value("kind").key for message in told] == [f"standing.{TOLD[way]}" for way in TOLD_UNREAD]
    assert all(message.value("why").value("why").key == "stack.permission-denied" for message in told)
    assert [notice.message.value("place") for notice in notices(recording, "main-goes-on")] == [None] * len(told)
    assert result.episodes == () and not recording.events(ActionTaken)


def test_what_stands_at_the_end_is_the_headline_and_names_no_cause(tmp_path: Path) -> None:
    seen: list[float] = []

    def look(recorder: Recorder, tick: Tick) -> None:
        if any(event.what == "main-stands" for event in recorder.kept.recording().events(Notice)):
            seen.append(tick.t_s)
        if len(seen) == 12:  # a second notice would have come
            assert recorder.sources.process.main_pid is not None
            os.kill(recorder.sources.process.main_pid, signal.SIGINT)

    _, recording = play(tmp_path, "for_ever", each_tick=look)
    assert len(notices(recording, "main-stands")) == 1
    assert not notices(recording, "main-goes-on")
    diagnoses = diagnose_all(recording)
    ran = outcome_of(recording, diagnoses, is_over=True)
    document = to_json(diagnoses, "en", recording=recording, ran=ran)
    assert [episode["headline"]["cause"] for episode in document["episodes"]] == []
    assert document["outcome"]["cause"] is None
    assert "the main thread has stood in for_ever (stands.py:" in document["outcome"]["text"]
    out = StringIO()
    print_diagnosis(Console(file=out, width=500), recording, diagnoses, ran=ran)
    assert "Nothing wrong" not in out.getvalue() and "kill " not in out.getvalue(), out.getvalue()
    print(json.dumps(document["outcome"]["text"]), out.getvalue())
