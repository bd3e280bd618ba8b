"""A window of tmux, in which a test types and reads the rows."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROWS = 14
# A machine under load takes several times as long to start Python.
PATIENCE_S = 60.0


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
        until_s = time.monotonic() + PATIENCE_S
        while not is_so(rows := self.rows()):
            assert time.monotonic() < until_s, rows
            time.sleep(0.1)
        return rows
