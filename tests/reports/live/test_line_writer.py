"""Lines are written by a thread: whoever says them never waits, and a reader who is there gets every one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from holter.reports.live.line_writer import FAREWELL_S, MOST_WAITING, LineWriter

PIPE_BYTES = 65536  # what a pipe of Linux holds


def left_out(count: int) -> str:
    return f"({count} left out)"


def pipe() -> tuple[int, io.TextIOWrapper]:
    reading, writing = os.pipe()
    return reading, os.fdopen(writing, "w", encoding="utf-8")


def test_every_line_comes_out_in_order_where_somebody_reads(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w", encoding="utf-8") as stream:
        writer = LineWriter(stream, left_out)
        for number in range(200):
            writer.say(f"line {number}")
        writer.close()
    assert (tmp_path / "said").read_text().splitlines() == [f"line {number}" for number in range(200)]


def test_nobody_waits_for_a_pipe_that_is_not_read_and_the_newest_lines_are_kept() -> None:
    reading, stream = pipe()
    writer = LineWriter(stream, left_out)
    began_s = time.monotonic()
    number = 0
    while number * 100 < PIPE_BYTES + 2 * MOST_WAITING * 100:
        writer.say(f"{number:08d}{'.' * 91}")
        number += 1
    assert time.monotonic() - began_s < 1.0
    writer.close()
    assert time.monotonic() - began_s < FAREWELL_S + 1.0
    os.close(reading)


def test_a_reader_who_comes_back_is_told_what_is_missing() -> None:
    reading, stream = pipe()
    writer = LineWriter(stream, left_out)
    for number in range(2000):
        writer.say(f"{number:08d}{'.' * 91}")
        time.sleep(0.0001)  # the writer's thread fills the pipe meanwhile
    os.set_blocking(reading, True)
    said = b""
    while b"00001999" not in said:
        said += os.read(reading, 100_000)
    lines = said.decode().splitlines()
    gap = next(line for line in lines if line.endswith("left out)"))
    numbers = [int(line[:8]) for line in lines if line != gap]
    assert numbers == sorted(numbers)
    assert len(numbers) + int(gap.split()[0].strip("(")) == 2000
    writer.close()


def test_a_reader_who_has_gone_is_no_error() -> None:
    reading, stream = pipe()
    os.close(reading)
    writer = LineWriter(stream, left_out)
    writer.say("one")
    writer.close()
    writer.say("two")


def test_a_descriptor_that_somebody_made_non_blocking_still_gets_everything() -> None:
    reading, stream = pipe()
    os.set_blocking(stream.fileno(), False)
    writer = LineWriter(stream, left_out)
    for number in range(300):
        writer.say(f"{number:08d}{'.' * 991}")
    said = b""
    while said.count(b"\n") < 300:
        said += os.read(reading, 4096)
    assert [int(line[:8]) for line in said.decode().splitlines()] == list(range(300))
    writer.close()


def test_the_description_that_the_training_shares_is_left_blocking() -> None:
    reading, stream = pipe()
    writer = LineWriter(stream, left_out)
    writer.say("one")
    writer.close()
    assert os.get_blocking(stream.fileno())
    os.close(reading)


def test_letters_that_the_encoding_lacks_are_escaped(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w", encoding="ascii") as stream:
        writer = LineWriter(stream, left_out)
        writer.say("训练 \udcff")
        writer.close()
    assert (tmp_path / "said").read_text() == "\\u8bad\\u7ec3 \\xff\n"


def test_a_stream_in_memory_and_no_stream_at_all() -> None:
    memory = io.StringIO()
    for stream in (memory, None):
        writer = LineWriter(stream, left_out)
        writer.say("one")
        writer.close()
    assert memory.getvalue() == "one\n"


def test_signals_are_left_to_the_main_thread() -> None:
    program = """
import os, signal, sys, time
from holter.reports.live.line_writer import LineWriter
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
writer = LineWriter(sys.stderr, str)
writer.say("one")
writer.close()
writer = LineWriter(sys.stderr, str)
writer.say("two")
time.sleep(0.2)
assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
os.kill(os.getpid(), signal.SIGUSR1)  # would end the process, were it not blocked in the writer's thread as well
print(signal.sigtimedwait({signal.SIGUSR1}, 1).si_signo == signal.SIGUSR1)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert signal.SIGUSR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
