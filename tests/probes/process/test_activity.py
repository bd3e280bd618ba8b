"""Whether a thread wakes or a connection moves bytes, and which processes have left the run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from holter.linux.tcp_bytes import bytes_by_inode
from holter.probes.process.activity import Activity, marked

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
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as line:
        far, _ = server.accept()
        with far:
            line.sendall(b"waits for its reader")
            time.sleep(0.1)
            activity = Activity()
            assert not activity.look([os.getpid()], 0.0)
            assert not activity.look([os.getpid()], 60.0)
            line.sendall(b"more")
            time.sleep(0.1)
            assert activity.look([os.getpid()], 120.0)


def test_bytes_that_leave_the_queues_as_they_were_are_activity_and_a_sign_of_life_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as line:
        far, _ = server.accept()
        with far:
            if not bytes_by_inode():
                pytest.skip("the kernel counts no bytes")
            activity = Activity()
            assert not activity.look([os.getpid()], 0.0)
            line.sendall(bytes(100))
            far.recv(100, socket.MSG_WAITALL)
            time.sleep(0.1)
            assert not activity.look([os.getpid()], 45.0)
            line.sendall(bytes(5000))
            far.recv(5000, socket.MSG_WAITALL)
            time.sleep(0.1)
            assert activity.look([os.getpid()], 90.0)


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
