"""The status line in a real terminal (tmux): output scrolls above it, and the window is whole again afterwards."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from needs import needs

SHOWS = """
import sys, time
from holter.cli.running.status_line import StatusLine
line = StatusLine(sys.stderr)
for number in range(40):
    line.show(f"holter: epoch {number} " + "x" * 300)
    print("training line", number, flush=True)
print("TOP OF THE END", flush=True)
time.sleep(float(sys.argv[1]))
line.close()
print("closed", flush=True)
"""
ROWS = 14


class Window:
    """A window of a tmux server of its own."""

    def __init__(self, folder: Path) -> None:
        self.tmux = ("tmux", "-S", str(folder / "socket"), "-f", "/dev/null")
        self("new-session", "-d", "-x", "70", "-y", str(ROWS), "env", "PS1=$ ", "sh")

    def __call__(self, *words: str) -> str:
        return subprocess.run((*self.tmux, *words), capture_output=True, text=True, check=True, timeout=20).stdout

    def type(self, command: str) -> None:
        self("send-keys", command, "Enter")

    def rows(self) -> list[str]:
        return self("capture-pane", "-p").split("\n")[: int(self("display-message", "-p", "#{pane_height}"))]

    def wait(self, is_so: Callable[[list[str]], bool]) -> list[str]:
        until_s = time.monotonic() + 30
        while not is_so(rows := self.rows()):
            assert time.monotonic() < until_s, rows
            time.sleep(0.1)
        return rows


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    window = Window(tmp_path)
    window.type(f"cd {shlex.quote(str(tmp_path))}; export PYTHONPATH={shlex.quote(os.pathsep.join(sys.path))}")
    (tmp_path / "shows.py").write_text(SHOWS)
    try:
        yield window
    finally:
        subprocess.run((*window.tmux, "kill-server"), capture_output=True, check=False)


@needs("tmux")
def test_output_scrolls_above_the_line_and_the_window_is_given_back(window: Window) -> None:
    window.type(f"{sys.executable} shows.py 3")
    rows = window.wait(lambda rows: any("TOP OF THE END" in row for row in rows))
    assert rows[-1].startswith("holter: epoch 39 xxx"), rows
    assert not any("holter:" in row for row in rows[:-1])
    assert [row for row in rows if row.startswith("training line")][-1] == "training line 39"
    rows = window.wait(lambda rows: "closed" in rows)
    assert not any("holter:" in row for row in rows)
    window.type("seq 30")  # the whole window scrolls again
    assert window.wait(lambda rows: rows[-1].startswith("$") or rows[-2] == "30")


@needs("tmux")
def test_nothing_is_written_by_a_job_in_the_background(window: Window) -> None:
    window.type(f"{sys.executable} shows.py 0 & wait; echo over")
    assert not any("holter:" in row for row in window.wait(lambda rows: "over" in rows))


@needs("tmux")
def test_a_low_window_is_left_to_the_training(window: Window) -> None:
    window("resize-window", "-y", "8")
    window.type(f"{sys.executable} shows.py 0; echo over")
    assert not any("holter:" in row for row in window.wait(lambda rows: "over" in rows))


@needs("tmux")
def test_a_dumb_terminal_and_a_file_get_nothing(window: Window, tmp_path: Path) -> None:
    window.type(f"TERM=dumb {sys.executable} shows.py 0; {sys.executable} shows.py 0 2> file; echo over")
    assert not any("holter:" in row for row in window.wait(lambda rows: "over" in rows))
    assert (tmp_path / "file").read_text() == ""
