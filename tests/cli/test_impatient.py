"""Ctrl-C again and again, and signals after the end: the exit code stays the training's."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from holter.errors import TapeError
from holter.tape import read

HOLTER = f"{sys.executable} -m holter"
# Ends at the second Ctrl-C, after some cleaning up.
STUBBORN = """
import time
print("ready", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("first", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)
    print("second", flush=True)
raise SystemExit(5)
"""


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that takes a message and never answers: the drain takes seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_ctrl_c_twice_and_again_while_the_last_message_is_sent(terminal, tmp_path, silent_url):
    (tmp_path / "training.py").write_text(STUBBORN)
    terminal.type("export no_proxy='*'\n")
    terminal.type(f"{HOLTER} run --notify {silent_url} -o t.holter -- {sys.executable} training.py\n")
    terminal.wait_for(r"\nready")
    time.sleep(1)
    terminal.type("\x03")
    terminal.wait_for(r"first")
    terminal.type("\x03")
    terminal.wait_for(r"second")
    until_s = time.monotonic() + 60
    while not is_finished(tmp_path / "t.holter"):
        assert time.monotonic() < until_s
        time.sleep(0.1)
    time.sleep(0.3)
    terminal.type("\x03")
    terminal.type("echo rc=$?\n")
    assert terminal.wait_for(r"\nrc=(\d+)")[1] == "5"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT])
@pytest.mark.long
def test_a_signal_while_the_last_message_is_sent(start, tmp_path, silent_url, number):
    process = start(
        "run", "--notify", silent_url, "-o", "t.holter", "--", "sh", "-c", "sleep 1; exit 5",
        env={**os.environ, "no_proxy": "*"},
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGINT)],
    )  # fmt: skip
    until_s = time.monotonic() + 60
    while not is_finished(tmp_path / "t.holter"):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    time.sleep(0.5)
    assert process.poll() is None, "it is still sending"
    process.send_signal(number)
    assert process.wait(60) == 5


def is_finished(tape) -> bool:
    try:
        return read(tape).finished
    except TapeError:
        return False
