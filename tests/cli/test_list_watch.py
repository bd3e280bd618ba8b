"""``holter list --watch`` in a real terminal (tmux), and without one."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest
from tmux_window import ROWS, Window

from holter.cli.list_runs import list_runs
from holter.errors import BadInput
from holter.linux.place import here
from holter.probes.process.process_files import started
from holter.tape.registry import Entry, new_file, write
from needs import needs


def registered(state: Path, number: int) -> None:
    state.mkdir(parents=True, exist_ok=True)
    pid = os.getpid()
    entry = Entry(
        tape=f"/nonexistent/{number}.holter", host="here", place=here(), pid=pid, pid_started=started(pid),
        began="2026-01-01T10:00:00+00:00", seen="2026-01-01T10:00:00+00:00", folder=f"/results/{number}",
    )  # fmt: skip
    write(new_file(state, "here", pid), entry)


@needs("tmux")
def test_the_list_is_rewritten_in_place_until_ctrl_c(window: Window, tmp_path: Path) -> None:
    state = tmp_path / "state" / "holter"
    registered(state, 1)
    # Runs without a home are registered below TMPDIR: other tests have some there.
    own = f"XDG_STATE_HOME={shlex.quote(str(state.parent))} TMPDIR={shlex.quote(str(tmp_path))}"
    window.type(f"export {own} LC_ALL=C.UTF-8; clear")
    window.type(f"{sys.executable} -m holter list --watch; echo code $?")
    rows = window.wait(lambda rows: any("running: 1," in row for row in rows))
    registered(state, 2)
    rows = window.wait(lambda rows: any("running: 2," in row for row in rows))
    assert sum("Verdict:" in row for row in rows) == 1 and sum("1.holter" in row for row in rows) == 1
    for number in range(3, 10):
        registered(state, number)
    rows = window.wait(lambda rows: any("running: 9," in row for row in rows))
    assert "..." in rows and rows.index("...") == ROWS - 3  # the last line, and the cursor's row
    assert not any("--watch" in row for row in rows)  # the list takes the window, and scrolls no further
    window("resize-window", "-x", "50")  # every line has another length now
    for number in range(10, 12):
        registered(state, number)
    rows = window.wait(lambda rows: any("running: 11," in row for row in rows))
    assert sum("Verdict:" in row for row in rows) == 1
    window("send-keys", "C-c")
    rows = window.wait(lambda rows: "code 0" in rows)
    assert any("Verdict:" in row for row in rows)  # the last state stays
    window.type("echo as-$((1+1))-before")
    window.wait(lambda rows: "as-2-before" in rows)


def test_without_a_terminal_the_list_is_printed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    registered(tmp_path / "holter", 1)
    list_runs(None, everything=False, watch=True, as_json=False, lang="en")
    printed = capsys.readouterr().out
    assert printed.count("Verdict: running: ") == 1 and "\x1b" not in printed


def test_json_is_not_rewritten(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--json is for programs"):
        list_runs(tmp_path, everything=False, watch=True, as_json=True, lang="en")
