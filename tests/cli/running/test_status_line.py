"""The status line in a real terminal (tmux): output scrolls above it, and the window is whole again afterwards."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tmux_window import Window

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


@pytest.fixture(autouse=True)
def shows(tmp_path: Path) -> None:
    (tmp_path / "shows.py").write_text(SHOWS)


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
