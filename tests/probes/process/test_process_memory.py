"""Kinds of memory pages and malloc arenas of real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.linux.procfs import read_text
from holter.probes.process.process_memory import ARENA_BYTES, EVERY_S, MemoryReader, parse_arenas, parse_rollup

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

# A list of small objects is made before the fork; the child reads it when it gets a line.
READS_ITS_PARENTS_LIST = """
import os, sys
table = [float(number) for number in range(1_500_000)]
child = os.fork()
if child:
    print(child, flush=True)
    os.waitpid(child, 0)
else:
    sys.stdin.readline()
    kept = sum(1 for number in table if number is not None)
    print("read", flush=True)
    sys.stdin.readline()
"""
# Every thread asks the C library for memory at the same time, so that each gets an arena of its own.
TWELVE_THREADS = """
import ctypes, sys, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
meet = threading.Barrier(13)
def work():
    meet.wait()
    for _ in range(200):
        ctypes.memset(libc.malloc(4000), 1, 4000)
    meet.wait()
    meet.wait()
threads = [threading.Thread(target=work, daemon=True) for _ in range(12)]
[thread.start() for thread in threads]
meet.wait(); meet.wait()
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def run() -> Iterator[object]:
    children: list[subprocess.Popen[str]] = []

    def begin(program: str) -> tuple[subprocess.Popen[str], str]:
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        assert child.stdout is not None
        return child, child.stdout.readline().strip()

    yield begin
    for child in children:
        child.communicate()  # its input ends, and so does it


def test_reading_a_list_of_the_parent_turns_shared_pages_into_own_ones(run) -> None:
    child, word = run(READS_ITS_PARENTS_LIST)
    reader = MemoryReader()
    before = reader.read(int(word), "train-worker", 0.0)
    child.stdin.write("\n")
    child.stdin.flush()
    assert child.stdout.readline() == "read\n"
    after = reader.read(int(word), "train-worker", EVERY_S)
    gained = (after.private_bytes or 0) - (before.private_bytes or 0)
    lost = (before.shared_bytes or 0) - (after.shared_bytes or 0)
    assert gained > 30e6  # 1.5 million floats of 24 bytes
    assert lost > 0.8 * gained


def test_threads_that_allocate_at_once_have_arenas_of_their_own(run) -> None:
    child, word = run(TWELVE_THREADS)
    assert word == "ready"
    memory = MemoryReader().read(child.pid, "main", 0.0)
    assert 8 <= (memory.arenas or 0) <= 12
    assert 12 * 200 * 4000 <= (memory.arena_bytes or 0) < 12 * ARENA_BYTES
    assert memory.private_bytes is None  # the page tables of the main process are not walked


def test_a_look_is_taken_every_five_minutes_and_only_at_the_training(run) -> None:
    child, _ = run("print('ready', flush=True)\ninput()")
    reader = MemoryReader()
    looks = [reader.read(child.pid, "train-worker", t_s).private_bytes for t_s in (0.0, 1.0, EVERY_S - 1, EVERY_S)]
    assert [look is not None for look in looks] == [True, False, False, True]
    assert reader.read(child.pid, "other", 0.0).arenas is None


def test_the_rollup_agrees_with_the_resident_size(run) -> None:
    child, _ = run("data = bytearray(64 << 20)\nprint('ready', flush=True)\ninput()")
    private, shared = parse_rollup(read_text(f"/proc/{child.pid}/smaps_rollup"))
    resident = int((read_text(f"/proc/{child.pid}/statm") or "").split()[1]) * 4096
    assert abs((private or 0) + (shared or 0) - resident) < 4 << 20


def test_files_that_are_not_there_are_unknown_and_not_zero() -> None:
    assert parse_rollup(None) == (None, None)
    assert parse_arenas(None) == (None, None)
    assert MemoryReader(Path("/nonexistent")).read(1, "train-worker", 0.0).private_bytes is None


def test_a_mapping_of_another_size_or_of_a_file_is_no_arena() -> None:
    text = (
        "7f2c40000000-7f2c40021000 rw-p 00000000 00:00 0\n"
        "7f2c40021000-7f2c44000000 ---p 00000000 00:00 0\n"  # an arena, 132 kB of it used
        "7f2c48000000-7f2c4c000000 rw-p 00000000 00:00 0\n"  # an arena that is full
        "7f2c50000000-7f2c50021000 rw-p 00000000 00:00 0\n"
        "7f2c50021000-7f2c50041000 ---p 00000000 00:00 0\n"  # a stack with its guard
        "7f2c54000000-7f2c58000000 rw-p 00000000 08:01 77  /data/case.npy\n"
    )
    assert parse_arenas(text) == (2, 0x21000 + ARENA_BYTES)
