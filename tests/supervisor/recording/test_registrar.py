"""The registrar's thread keeps every problem to itself: one sentence, never a traceback."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.supervisor.recording.registrar import Registrar
from holter.tape import Recording
from holter.tape.registry import read_all
from said import english


def folders_that_fail() -> Iterator[Path]:
    raise RuntimeError("a mount that went away")
    yield Path()


def finished(folders: Iterator[Path], tape: Path) -> Registrar:
    registrar = Registrar(folders, tape, ["python", "train.py"], attached=False)
    registrar.finish(Recording(finished=True), (), None)
    return registrar


def test_no_error_leaves_the_thread(tmp_path: Path, quiet_threads: Callable[[], list[str]]) -> None:
    registrar = finished(folders_that_fail(), tmp_path / "run.holter")
    assert quiet_threads() == []
    assert registrar.problem is not None
    assert "a mount that went away" in english(registrar.problem)


def test_a_tape_whose_name_is_no_utf_8_is_listed(tmp_path: Path, quiet_threads: Callable[[], list[str]]) -> None:
    registrar = finished(iter([tmp_path]), tmp_path / os.fsdecode(b"\xff\xfe.holter"))
    assert quiet_threads() == [] and registrar.problem is None
    (kept,) = read_all([tmp_path])
    assert kept.entry.tape.endswith("/\\xff\\xfe.holter")


@pytest.fixture
def quiet_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The exceptions that left a thread."""
    seen: list[str] = []
    monkeypatch.setattr("threading.excepthook", lambda hook: seen.append(repr(hook.exc_value)))
    return lambda: seen
