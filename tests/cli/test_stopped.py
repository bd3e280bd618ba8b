"""Holter is stopped and goes on: it still passes signals on, and ends as the training does."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from holter.tape import read

TRAINING = """
import signal, sys, time
seen = []
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
    signal.signal(number, lambda number, frame: seen.append(int(number)))
print("ready", flush=True)
until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    time.sleep(0.05)
print(seen, flush=True)
sys.exit(7)
"""


@pytest.mark.long
def test_holter_alone_is_stopped_in_its_first_seconds(start, tmp_path):
    process = start("run", "-o", "t.holter", "--", sys.executable, "-c", TRAINING, "9")
    assert process.stdout.readline() == b"ready\n"
    for _ in range(2):
        time.sleep(0.4)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.2)
        process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    process.send_signal(signal.SIGUSR1)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 7, err
    assert out.decode() == f"[{int(signal.SIGUSR1)}]\n", "it was passed on, and nothing else"
    assert b"rror" not in err and b"Invalid" not in err
    recording = read(tmp_path / "t.holter")
    assert recording.finished
    assert recording.all_ticks[-1].t_s - recording.all_ticks[0].t_s > 8.0, "it recorded until the end"


@pytest.mark.long
def test_the_training_ends_while_holter_is_stopped(start, tmp_path):
    process = start("run", "-o", "t.holter", "--", sys.executable, "-c", TRAINING, "2")
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 7
    assert read(tmp_path / "t.holter").finished


@pytest.mark.sample
def test_ctrl_z_and_fg_in_a_terminal(terminal, tmp_path):
    (tmp_path / "training.py").write_text(TRAINING)
    terminal.type(f"{sys.executable} -m holter run -o t.holter -- {sys.executable} training.py 8\n")
    terminal.wait_for(r"\nready\n")
    time.sleep(1.5)
    terminal.type("\x1a")
    terminal.wait_for("Stopped")
    time.sleep(2.5)
    terminal.type("fg\n")
    assert terminal.wait_for(r"\n(\[.*?\])\n")[1] == "[]", "no signal but SIGCONT reaches the training"
    terminal.wait_for("wrote t.holter")
    terminal.type("echo rc=$?\n")
    assert terminal.wait_for(r"\nrc=(\d+)")[1] == "7"
    recording = read(tmp_path / "t.holter")
    assert recording.finished
    assert [episode.kind for episode in recording.episodes()] in ([], ["death"]), "a stopped terminal is no stall"


def test_ctrl_z_bg_and_disown_let_both_go_on_in_the_background(terminal, tmp_path):
    (tmp_path / "training.py").write_text(TRAINING)
    command = f"{sys.executable} -m holter run -o t.holter -- {sys.executable} training.py 5"
    terminal.type(f"{command} > out 2> err\n")
    until_s = time.monotonic() + 60
    while not (tmp_path / "out").exists() or "ready" not in (tmp_path / "out").read_text():
        assert time.monotonic() < until_s
        time.sleep(0.1)
    terminal.type("\x1a")
    terminal.wait_for("Stopped")
    time.sleep(1.5)
    # In one line: before each prompt bash forgets jobs that have ended, and wait would not know this one.
    terminal.type("bg; disown -h; wait %1; echo rc=$?\n")
    assert terminal.wait_for(r"\nrc=(\d+)")[1] == "7"
    assert (tmp_path / "out").read_text().splitlines()[-1] == "[]"
    assert "Invalid" not in (tmp_path / "err").read_text()
    assert read(tmp_path / "t.holter").finished
