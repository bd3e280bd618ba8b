"""What the guard does to a queue and a lock, with real ones; nothing here needs PyTorch."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
import time

import pytest

from holter.hook.dataloader import care, guard

FORK = multiprocessing.get_context("fork")
LARGE = 30_000_000  # bytes


@pytest.fixture
def dead_worker():
    process = FORK.Process(target=time.sleep, args=(60,))
    process.start()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process


def torn_queue():
    """A queue with the beginning of a large message, as a killed worker leaves it."""
    results = FORK.Queue()
    results._sem.acquire()  # by the worker, before it writes
    os.write(results._writer.fileno(), LARGE.to_bytes(4, "big") + b"\x80")
    return results


def read(results, errors):
    try:
        results.get(timeout=60)
    except Exception as error:  # noqa: BLE001 - the test looks at it
        errors.append(error)


def start_reader(results):
    errors: list[Exception] = []
    reader = threading.Thread(target=read, args=(results, errors), daemon=True)
    reader.start()
    time.sleep(0.1)
    return reader, errors


@pytest.fixture(params=[0, 1100], ids=["few", "over a thousand"])
def open_files(request):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(request.param)]
    yield
    for descriptor in opened:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("open_files")
def test_a_large_torn_message_is_completed_at_once():
    sight = guard.Sight()
    sight.results = torn_queue()
    reader, errors = start_reader(sight.results)
    sight.wake_reader(reader.is_alive, guard.WAKE_S)
    reader.join(1.0)
    assert not reader.is_alive()
    assert "invalid load key" in str(errors[0])


def test_the_descriptor_stays_open_while_a_thread_still_reads():
    results = torn_queue()
    writer = os.dup(results._writer.fileno())  # a worker of another loader that holds it
    reader, errors = start_reader(results)
    care._close(results, reader)
    assert not results._reader.closed
    assert guard.lost_a_worker(results, 0.0)
    os.close(writer)
    reader.join(5.0)
    assert "end of file" in str(errors[0])


def test_the_descriptor_is_closed_when_nobody_reads():
    results = FORK.Queue()
    care._close(results, None)
    assert results._reader.closed


@pytest.mark.parametrize(("held_s", "freed"), [(0.1, False), (60.0, True)])
def test_a_lock_is_freed_only_if_it_stays_held(dead_worker, held_s, freed):
    sight = guard.Sight()
    sight.workers, sight.results, sight.lock = [dead_worker], FORK.Queue(), FORK.Lock()
    sight.closing = time.monotonic() - guard.STUCK_S
    sight._dead_since = sight.closing
    guard_thread = threading.Thread(target=sight.look, args=(time.monotonic(),), kwargs={"gap": False})
    sight.wake_reader = lambda *_: None
    sight.lock.acquire()
    guard_thread.start()
    guard_thread.join(held_s)
    if not freed:
        sight.lock.release()  # raises if the guard has released it
    guard_thread.join()
    assert sight.lock.acquire(False)


def test_a_child_that_somebody_else_has_reaped_has_ended():
    process = FORK.Process(target=time.sleep, args=(60,))
    process.start()
    assert care.children.peek_exit_code(process) is None
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    assert care.children.peek_exit_code(process) == care.children.UNKNOWN_CODE
