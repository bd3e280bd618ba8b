"""``holter diagnose PID`` of a program that stands still, and that nothing shows to be nnU-Net."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.diagnosis import live_process
from holter.diagnosis.live_process import observe
from holter.probes.process import stacks
from holter.probes.process.stack_refusal import NOT_FOUND, PERMISSION_DENIED
from holter.probes.process.stacks import REFUSED
from holter.records import Frame, ProcessSample, StackDump, Text, ThreadStack, Tick
from holter.tape import Recording
from said import english

# It looks like a training in the table of processes: PyTorch's library, a child, nnU-Net's variable.
PROGRAM = """
import mmap, os, sys, time
with open("libtorch_cpu.so", "r+b") as library:
    mapped = mmap.mmap(library.fileno(), 0)
works = os.fork() == 0 and sys.argv[1] == "works"
open(f"began-{os.getpid()}", "w").close()
until = time.monotonic() + 120
while time.monotonic() < until:
    works or time.sleep(1)
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    running = list[subprocess.Popen[bytes]]()
    (tmp_path / "libtorch_cpu.so").write_bytes(b"7" * 4096)

    def start(how: str) -> int:
        command = [sys.executable, "-c", PROGRAM, how]
        variables = {**os.environ, "nnUNet_results": str(tmp_path)}
        process = subprocess.Popen(command, cwd=tmp_path, env=variables, start_new_session=True)
        running.append(process)
        until = time.monotonic() + 30
        while len(list(tmp_path.glob("began-*"))) < 2:
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.05)
        return process.pid

    yield start
    for process in running:
        os.killpg(process.pid, 9)
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stands", "works"])
def test_a_standstill_whose_stacks_are_refused_is_kept_as_a_fact(
    how: str, started: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses = tmp_path / "py-spy"
    refuses.write_text("#!/bin/sh\necho 'Error: Permission denied (os error 13)' >&2\nexit 1\n")
    refuses.chmod(0o755)
    monkeypatch.setattr(stacks, "find_py_spy", lambda: refuses)
    monkeypatch.setattr(live_process, "os", SimpleNamespace(geteuid=lambda: 1000))
    pid = started(how)
    result = observe(pid, lambda _: None, for_s=1.0)
    assert result.diagnoses == () and result.recording.episodes() == ()
    said = [english(note) for note in result.notes[1:]]
    if how == "works":
        assert said == []
        return
    stands, command = said
    assert stands.startswith("2 processes used 0.0") and "whether they train with nnU-Net cannot be seen" in stands
    assert "py-spy: permission denied" in stands
    assert command.endswith(f"sudo holter diagnose {pid}")


def idle(*, for_s: int = 10, **dump: object) -> Recording:
    ticks = tuple(
        Tick(t_s=float(t), processes=(ProcessSample(t_s=float(t), pid=7, role="main", state="S", cpu_ratio=0.0),))
        for t in range(for_s)
    )
    read = StackDump(t_s=8.0, pid=7, role="main", **dump)  # type: ignore[arg-type]
    return Recording(all_ticks=ticks, all_stacks=(read,))


def refused(why: Text) -> Recording:
    return idle(rung="proc", threads=(ThreadStack(state="S"),), refused=(REFUSED(rung="py-spy", why=why),))


@pytest.mark.parametrize(
    ("recording", "user", "keys"),
    [
        (refused(PERMISSION_DENIED()), 1000, ["target.pid-may-stand", "target.pid-as-root"]),
        (refused(PERMISSION_DENIED()), 0, ["target.pid-may-stand"]),  # root is refused too, as in many containers
        (refused(NOT_FOUND()), 1000, ["target.pid-may-stand"]),
        (idle(rung="py-spy", threads=(ThreadStack(frames=(Frame(function="select"),)),)), 1000, []),  # and is not ours
        (idle(for_s=3, rung="proc"), 1000, []),  # Ctrl-C
    ],
)
def test_what_may_stand_is_said_only_where_no_code_was_seen(
    recording: Recording, user: int, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_process, "os", SimpleNamespace(geteuid=lambda: user))
    assert [note.key for note in live_process._what_may_stand(recording, 7)] == keys
