"""Whether a thread wakes or a connection moves bytes, and which processes have left the run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holter.probes.process import activity as activity_module
from holter.probes.process.activity import Activity, MarkReader, marked
from needs import needs

# A main thread that waits for another one, which has a name and does something.
WAITS = """
import sys, threading, time
def wakes():
    while True: time.sleep(0.1)
def sleeps(): time.sleep(60)
def run():
    open("/proc/thread-self/comm", "w").write(sys.argv[2])
    globals()[sys.argv[1]]()
thread = threading.Thread(target=run)
thread.start()
time.sleep(0.5)
print("ready", flush=True)
thread.join()
"""

# It does what it reads, with both ends of a connection. The tests' own process has connections of other tests.
TALKS = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""
CONNECT = "near = socket.create_connection(server.getsockname()); far, _ = server.accept()"


@contextmanager
def talking() -> Iterator[tuple[int, Callable[[str], None]]]:
    process = subprocess.Popen(
        [sys.executable, "-c", TALKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )

    def do(line: str) -> None:
        assert process.stdin is not None and process.stdout is not None
        print(line, file=process.stdin, flush=True)
        assert process.stdout.readline() == "done\n"

    try:
        do("pass")
        yield process.pid, do
    finally:
        process.kill()
        process.communicate()


@contextmanager
def started(*words: str, **variables: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, *words], stdout=subprocess.PIPE, env={**os.environ, **variables}
    )
    try:
        assert process.stdout is not None and process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "name", "active"),
    [("wakes", "uploads", True), ("sleeps", "uploads", False), ("wakes", "holter-pulse", False)],
)
def test_a_thread_that_wakes_is_activity_and_the_hooks_own_is_none(does: str, name: str, active: bool) -> None:
    with started(does, name) as pid:
        activity = Activity()
        assert not activity.look([pid], 0.0)  # nothing to compare with
        time.sleep(1.5)
        assert activity.look([pid], 1.5) == active


def test_a_connection_whose_queue_changes_is_activity_and_one_that_stands_is_none() -> None:
    with talking() as (pid, do):
        do(f"{CONNECT}; near.sendall(b'waits for its reader')")
        time.sleep(0.1)
        activity = Activity()
        assert not activity.look([pid], 0.0)
        assert not activity.look([pid], 60.0)
        do("near.sendall(b'more')")
        time.sleep(0.1)
        assert activity.look([pid], 120.0)


@pytest.mark.parametrize("counted", [None, {}])
def test_a_connection_that_the_kernel_does_not_count_is_unknown(counted, monkeypatch) -> None:
    """gVisor answers nothing, and a connection of another network namespace is missing in the answer."""
    monkeypatch.setattr(activity_module, "bytes_by_inode", lambda: counted)
    activity = Activity()
    with talking() as (pid, do):
        assert activity.look([pid], 0.0) is False
        assert activity.look([pid], 60.0) is False, "who only listens moves nothing"
        do(CONNECT)
        assert activity.look([pid], 120.0) is True, "it is new"
        assert activity.look([pid], 180.0) is None


def process_folder(proc: Path, pid: int, *, state: str = "S", start: int = 500, mark: str = "NAME=here") -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    numbers = ["1"] * 50
    numbers[18] = str(start)
    (proc / str(pid) / "stat").write_text(f"{pid} (an uploader) {state} {' '.join(numbers)}")
    (proc / str(pid) / "environ").write_text(f"A=b\0{mark}\0")


def test_an_environment_is_read_once_and_not_while_its_process_waits_for_a_disk(tmp_path: Path) -> None:
    reader = MarkReader("NAME=here", tmp_path)
    process_folder(tmp_path, 7, state="D")
    process_folder(tmp_path, 8, mark="NAME=elsewhere")
    process_folder(tmp_path, 9, start=99)
    assert reader.find((), 100) == set()
    process_folder(tmp_path, 7)
    process_folder(tmp_path, 8)
    assert reader.find((), 100) == {7}, "8 was read before, 9 is older than the run"
    process_folder(tmp_path, 7, state="D", mark="")
    assert reader.find((), 100) == {7}
    process_folder(tmp_path, 8, start=501)
    assert reader.find((7,), 100) == {8}, "another process with its number"


@needs("sock-diag")
def test_bytes_that_leave_the_queues_as_they_were_are_activity_and_a_sign_of_life_is_none() -> None:
    with talking() as (pid, do):
        do(CONNECT)
        activity = Activity()
        assert not activity.look([pid], 0.0)
        do("near.sendall(bytes(100)); far.recv(100, socket.MSG_WAITALL)")
        time.sleep(0.1)
        assert not activity.look([pid], 45.0)
        do("near.sendall(bytes(5000)); far.recv(5000, socket.MSG_WAITALL)")
        time.sleep(0.1)
        assert activity.look([pid], 90.0)


@pytest.mark.slow
def test_a_detached_process_is_found_by_its_mark_and_counts_if_it_computes() -> None:
    mark = f"HOLTER_SCRATCH=/nowhere/{os.getpid()}"
    with started("sleeps", "x", HOLTER_SCRATCH=f"/nowhere/{os.getpid()}") as pid:
        assert marked(mark, ()) == {pid}
        assert marked(mark, (pid,)) == set()
    work = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    try:
        assert work.stdout is not None and work.stdout.readline()
        activity = Activity()
        assert not activity.look((), 0.0, {work.pid})
        time.sleep(1.0)
        assert activity.look((), 1.0, {work.pid})
    finally:
        work.kill()
        work.wait()
