"""A command line as a person uses it: ``holter`` as a process, in a folder or a terminal of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tmux_window import Window

HOLTER = (sys.executable, "-m", "holter")
# Starting Python, recording and the drain take seconds; a machine under load takes several times as long.
PATIENCE_S = 60.0


class Terminal:
    """A shell with job control in a terminal of its own."""

    def __init__(self, cwd: Path) -> None:
        self.shown = ""
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.environ.update(PS1="$ ", TERM="dumb", PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        """What is shown, until it matches; what came before and the match itself are taken away."""
        until_s = time.monotonic() + PATIENCE_S
        os.set_blocking(self._master, False)
        while time.monotonic() < until_s:
            try:
                self.shown += os.read(self._master, 4096).decode(errors="replace").replace("\r", "")
            except (BlockingIOError, OSError):
                time.sleep(0.05)
            found = re.search(pattern, self.shown)
            if found:
                self.shown = self.shown[found.end() :]
                return found
        raise AssertionError(f"no {pattern!r} in {self.shown!r}")

    def close(self) -> None:
        os.kill(self.pid, signal.SIGHUP)
        os.close(self._master)
        os.waitpid(self.pid, 0)


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    window = Window(tmp_path)
    window.type(f"cd {shlex.quote(str(tmp_path))}; export PYTHONPATH={shlex.quote(os.pathsep.join(sys.path))}")
    try:
        yield window
    finally:
        subprocess.run((*window.tmux, "kill-server"), capture_output=True, check=False)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    """Start ``holter …`` in the folder of the test; what is left of it is ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str, **options) -> subprocess.Popen[bytes]:
        options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(subprocess.Popen([*HOLTER, *arguments], start_new_session=True, **options))
        return started[-1]

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
