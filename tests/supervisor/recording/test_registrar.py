"""The registrar's thread keeps every problem to itself: one sentence, never a traceback."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from holter.supervisor.recording.registrar import Registrar
from holter.supervisor.registry_file import RegistryFile
from holter.tape import Recording, read
from holter.tape.registry import read_all
from said import english

TAPE = Path(__file__).parents[2] / "tapes" / "quiet" / "as_usual.holter"


def folders_that_fail() -> Iterator[Path]:
    raise RuntimeError("a mount that went away")
    yield Path()


def finished(folders: Iterator[Path], tape: Path) -> Registrar:
    registrar = Registrar(RegistryFile(folders), tape, ["python", "train.py"], attached=False)
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


def test_a_recording_that_ended_did_not_break_off(tmp_path: Path) -> None:
    """Its tape may be on a disk that does not answer, or too long to be read again."""
    registrar = Registrar(
        RegistryFile(iter([tmp_path])), tmp_path / "run.holter", ["python", "train.py"], attached=True
    )
    recording = msgspec.structs.replace(read(TAPE), finished=False)
    recording = msgspec.structs.replace(recording, all_ticks=recording.all_ticks[: len(recording.all_ticks) // 2])
    registrar.finish(recording, (), None)
    assert registrar.outcome is not None
    assert english(registrar.outcome.headline).startswith("The recording ends before the training")


@pytest.fixture
def quiet_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The exceptions that left a thread."""
    seen: list[str] = []
    monkeypatch.setattr("threading.excepthook", lambda hook: seen.append(repr(hook.exc_value)))
    return lambda: seen
