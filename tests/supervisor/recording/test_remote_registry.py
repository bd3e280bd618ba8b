"""The process that writes the entries: late answers, a killed process, a slow start, a package below the home."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import sysconfig
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import holter
from holter.linux.procfs import read_text
from holter.supervisor import registry_process
from holter.supervisor.recording.registrar import Registrar
from holter.supervisor.registry_file import Answer, NotWritten, NotYet
from holter.supervisor.registry_process import RemoteRegistryFile
from holter.tape import Recording
from holter.tape.registry import Entry, read_all
from holter.tape.remote_writer import NO_ANSWER
from said import english

RUNS = Entry(tape="/t.holter", host="node7", place="node7 boot", pid=1, began="2026-01-01", seen="2026-01-01")
ENDED = Entry(
    tape="/t.holter", host="node7", place="node7 boot", pid=1, began="2026-01-01", seen="2026-01-01", ended="2026-01-02"
)


class Silent(RemoteRegistryFile):
    """Its process answers when the test does."""

    def __init__(self) -> None:
        super().__init__({})
        ours, theirs = socket.socketpair()
        self._line, self.theirs = Connection(ours.detach()), Connection(theirs.detach())

    def answer(self, problem: str | None) -> None:
        self.theirs.send_bytes(pickle.dumps(Answer(problem, None)))


def test_a_late_no_to_an_older_entry_does_not_keep_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_process, "ANSWERED_WITHIN_S", 0.01)
    file = Silent()
    with pytest.raises(NotYet):
        file.write(RUNS)
    assert pickle.loads(file.theirs.recv_bytes()) == RUNS
    file.answer("No space left on device")
    with pytest.raises(NotYet):
        file.write(ENDED, is_last=True)
    assert pickle.loads(file.theirs.recv_bytes()) == ENDED
    file.theirs.close()


def test_the_no_to_the_entry_itself_is_raised() -> None:
    file = Silent()
    file.answer("No space left on device")
    with pytest.raises(NotWritten, match="No space left") as raised:
        file.write(RUNS)
    assert not isinstance(raised.value, NotYet)
    file.theirs.close()


@pytest.fixture
def remote(tmp_path: Path) -> RemoteRegistryFile:
    return RemoteRegistryFile({**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)})


def process_of(file: RemoteRegistryFile) -> int:
    assert file._process is not None
    return file._process.pid


@pytest.mark.slow
def test_a_killed_process_is_started_again_for_the_last_entry(remote: RemoteRegistryFile, tmp_path: Path) -> None:
    remote.write(RUNS)
    words = (read_text(f"/proc/{process_of(remote)}/cmdline") or "").split("\0")
    assert "-s" in words, "no package below the home is looked for"
    assert remote._process is not None
    remote._process.kill()
    remote._process.wait()
    remote.write(ENDED, is_last=True)
    (kept,) = read_all([tmp_path / "state" / "holter"])
    assert kept.entry == ENDED


@pytest.mark.slow
def test_holter_may_itself_be_a_package_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = str(getattr(sys, "_base_executable", sys.executable))
    if base == sys.executable:
        pytest.skip("not in a virtual environment: this Python has Holter anyway")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = tmp_path / "home" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    folders = (Path(holter.__file__).parents[1], sysconfig.get_path("purelib"))
    (packages / "all.pth").write_text("".join(f"{folder}\n" for folder in folders))
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONNOUSERSITE", "PYTHONPATH")}
    environ |= {"XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUSERBASE": str(tmp_path / "home")}
    monkeypatch.setattr(sys, "executable", base)
    file = RemoteRegistryFile(environ)
    file.write(ENDED, is_last=True)
    (kept,) = read_all([tmp_path / "state" / "holter"])
    assert kept.entry == ENDED


class Slow:
    """Fails as often as it is asked to."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors, self.written = list(errors), 0

    def write(self, entry: Entry, *, is_last: bool = False) -> None:
        del entry, is_last
        error = self.errors.pop(0) if self.errors else None
        self.written += 1
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([NotYet(NO_ANSWER())], None),
        ([NotYet(NO_ANSWER()), None, NotYet(NO_ANSWER())], None),
        ([NotYet(NO_ANSWER()), NotYet(NO_ANSWER())], "this run will not be in holter list (its disk does not answer)"),
        ([OSError(13, "Permission denied")], "this run will not be in holter list (Permission denied)"),
    ],
)
def test_a_first_answer_that_is_late_is_not_yet_a_problem(
    errors: list[Exception | None], said: str | None, tmp_path: Path
) -> None:
    writer = Slow(*errors)
    registrar = Registrar(writer, tmp_path / "run.holter", ["python", "train.py"], attached=False)
    for count in range(1, len(errors)):
        registrar.update(0.0, Recording(), ())
        end_s = time.monotonic() + 10
        while writer.written < count:
            assert time.monotonic() < end_s
            time.sleep(0.01)
    registrar.finish(Recording(finished=True), (), None)
    assert writer.written == len(errors)
    assert (said is None) == (registrar.problem is None)
    assert said is None or english(registrar.problem) == f"{said}; the recording goes on"
