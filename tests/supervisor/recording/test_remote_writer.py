"""The process that writes a tape on a file server, and what the recorder learns of it."""

from __future__ import annotations

import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.errors import FolderNotWritable
from holter.records import Noted, ProbeRun
from holter.tape import read, remote_writer, writing_process
from holter.tape.remote_writer import FAREWELL_S, WRITER_ENDED, RemoteWriter, State, new_writer
from holter.tape.writer import TapeWriter
from needs import needs
from supervisor.hung_share import Share, hung_share

WITHIN_S = 60.0


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    with hung_share(tmp_path) as share:
        yield share


def note(t_s: float, text: str = "a note") -> Noted:
    return Noted(t_s=t_s, what="test", text=text)


def write_until(writer: RemoteWriter, is_over: Callable[[], bool], text: str = "a note") -> None:
    end_s = time.monotonic() + WITHIN_S
    while not is_over():
        assert time.monotonic() < end_s, writer.problem
        writer.write_events([note(2.0, text)])
        time.sleep(0.1)


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
def test_a_file_server_that_is_gone_does_not_end_the_process(share: Share) -> None:
    """``stat`` fails then: ENOTCONN, or ESTALE and EIO with NFS."""
    writer = new_writer(share.mount / "t.holter")
    assert isinstance(writer, RemoteWriter)
    share.server.kill()
    write_until(writer, lambda: writer.problem is not None and not writer.is_there)
    assert "disk I/O error" in str(writer.problem)
    assert writer._process.poll() is None
    writer.close(3.0)


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
def test_the_end_does_not_blame_a_disk_that_answers(share: Share) -> None:
    """More reports than a socket holds."""
    writer = new_writer(share.mount / "t.holter")
    assert isinstance(writer, RemoteWriter)
    share.hang()
    for t_s in range(1000):
        writer.write_events([note(float(t_s))])
    threading.Timer(1.0, share.answer).start()  # while the recorder waits for the end
    writer.close(1001.0)
    assert writer.waiting_pid is None and writer.is_there
    assert read(writer.path).finished


@needs("fuse3", "dev-fuse")
def test_without_a_process_the_tape_is_written_nevertheless(
    share: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's ``sitecustomize`` stands for all that ends Python at its start: memory, threads, a relative path."""
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    writer = new_writer(share.mount / "t.holter")
    assert isinstance(writer, TapeWriter)
    writer.write_events([note(1.0)])
    writer.close(2.0)
    assert read(writer.path).events(Noted) == (note(1.0),)


def slow_to_start(folder: Path, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the writing process start late, as with an environment on a slow disk."""
    (folder / "sitecustomize.py").write_text(
        f"import sys, time\nif any('writing_process' in word for word in sys.orig_argv): time.sleep({seconds})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
def test_a_slow_start_of_python_is_not_called_a_dead_disk(
    share: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_writer, "OPENED_WITHIN_S", 3.0)
    slow_to_start(tmp_path, 6.0, monkeypatch)
    writer = new_writer(share.mount / "t.holter")
    assert isinstance(writer, RemoteWriter)
    writer.close(1.0)
    assert read(writer.path).finished


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
def test_a_start_that_takes_too_long_costs_only_the_process(
    share: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_writer, "STARTED_WITHIN_S", 1.0)
    slow_to_start(tmp_path, 600.0, monkeypatch)
    writer = new_writer(share.mount / "t.holter")
    assert isinstance(writer, TapeWriter)
    writer.close(1.0)
    share.hang()
    with pytest.raises(FolderNotWritable, match=r"its disk does not answer"):
        new_writer(share.mount / "t2.holter")


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
def test_a_stopped_process_is_not_waited_for(share: Share) -> None:
    writer = new_writer(share.mount / "t.holter")
    assert isinstance(writer, RemoteWriter)
    writer._process.send_signal(signal.SIGSTOP)
    write_until(writer, lambda: writer.problem == WRITER_ENDED(), "x" * 100_000)
    began_s = time.monotonic()
    writer.close(3.0)
    assert time.monotonic() - began_s < FAREWELL_S / 2
    assert writer.waiting_pid is None  # it does not wait for the disk
    writer._process.send_signal(signal.SIGCONT)
    writer._process.wait(WITHIN_S)  # it leaves nothing behind
    assert not read(writer.path).finished


def test_a_call_that_fails_costs_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.holter"
    path.touch()
    ours, theirs = socket.socketpair()
    recorder = Connection(ours.detach())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(fileno=theirs.detach))
    monkeypatch.setattr("sys.argv", ["", str(path), str(path.stat().st_ino)])
    monkeypatch.setattr(writing_process, "IGNORED", ())
    thread = threading.Thread(target=writing_process.main)
    thread.start()
    for call in (("write_samples", (1.0, "no samples")), ("write_events", ((note(1.0),),)), ("close", (2.0,))):
        recorder.send_bytes(pickle.dumps(call))
    thread.join(WITHIN_S)
    state = State(done=0)
    while recorder.poll():
        state = pickle.loads(recorder.recv_bytes())
    assert state.done == 3 and state.lost_rows == 1
    assert read(path).events(Noted) == (note(1.0),)


def test_what_comes_every_second_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_process, "MOST_WAITING_BYTES", 1 << 10)
    ours, theirs = (Connection(end.detach()) for end in socket.socketpair())
    calls = writing_process.Calls(theirs)
    run = ProbeRun(t_s=1.0, probe="test", ok=True, cost_s=0.0)
    for _ in range(1000):
        ours.send_bytes(pickle.dumps(("write_probe_run", (run,))))
        ours.send_bytes(pickle.dumps(("pulse", (1.0,))))
    ours.send_bytes(pickle.dumps(("write_samples", (1.0, ()))))
    ours.send_bytes(pickle.dumps(("write_events", ((note(1.0),),))))
    ours.close()
    end_s = time.monotonic() + WITHIN_S
    while calls.dropped < 1:
        assert time.monotonic() < end_s
        time.sleep(0.01)
    taken = []
    while (call := calls.take()) is not None:
        taken.append(pickle.loads(call)[0])
    assert len(taken) < 100 and taken[-1] == "write_events"
    assert calls.dropped == 1
