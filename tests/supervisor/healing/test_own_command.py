"""A script of the user's own, of which no step can be seen, under ``holter run --heal --resume-command``."""

from __future__ import annotations

import sys

import pytest

from holter.records import ActionTaken, Notice
from holter.remedies.ladder import OWN_WORKS_AFTER_S
from holter.reports.catalogue import phrase
from holter.supervisor.healing import training_state
from holter.supervisor.run import run
from holter.tape import read

# Ends itself without the hook's packages, as an OOM killer or a crash in native code would.
LATE = "import os, signal, sys, time; time.sleep(float(sys.argv[1])); os.kill(os.getpid(), int(sys.argv[2]))"
RESUMED = f"{sys.executable} -c 'import time; time.sleep(5)'"


def heal(folder, seconds: float, number: int):
    command = (sys.executable, "-c", LATE, str(seconds), str(number))
    return run(command, folder / "t.holter", heal=True, resume=RESUMED)


@pytest.mark.slow
@pytest.mark.parametrize("number", [9, 11])
@pytest.mark.sample
def test_it_is_started_again_with_the_users_command(tmp_path, monkeypatch, number):
    monkeypatch.setattr(training_state, "OWN_WORKS_AFTER_S", 2.0)
    result = heal(tmp_path, 4.0, number)
    assert (result.returncode, result.generations) == (0, 2)
    actions = [event for event in read(tmp_path / "t.holter").events(ActionTaken) if event.action == "restart"]
    assert [event.state for event in actions] == ["begun", "done"]
    assert "Stopped once, healed once" in phrase(result.outcome.headline, "en")


@pytest.mark.slow
def test_what_ends_at_once_is_left_and_the_reason_is_told(tmp_path):
    result = heal(tmp_path, 1.0, 9)
    assert (result.returncode, result.generations) == (-9, 1)
    (told,) = read(tmp_path / "t.holter").events(Notice)
    assert told.what == "not-started-again"
    assert f"within {OWN_WORKS_AFTER_S} s of its start" in phrase(told.message, "en")
