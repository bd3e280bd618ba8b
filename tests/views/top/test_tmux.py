"""In tmux, where the screen can be read as a person sees it: after a resize, after the end, in Chinese."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.views import scene

from needs import needs

pytestmark = [pytest.mark.slow, needs("tmux")]


class Tmux:
    """One terminal with a shell in it."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux")
        self._run("new-session", "-d", "-x", "80", "-y", "24", "env PS1='ready$ ' bash --norc --noprofile")
        self._run("set-option", "-g", "window-size", "manual")

    def type(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self) -> list[str]:
        return self._run("capture-pane", "-p").splitlines()

    def until(self, is_right: Callable[[list[str]], bool], within_s: float = 30.0) -> list[str]:
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            screen = self.screen()
            if is_right(screen):
                return screen
            time.sleep(0.2)
        raise AssertionError("\n".join(self.screen()))

    def close(self) -> None:
        self._run("kill-server")

    def _run(self, *words: str) -> str:
        environ = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", "-u", *words],
            capture_output=True, encoding="utf-8", env=environ, check=True,
        )  # fmt: skip
        return done.stdout


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path)
    yield terminal
    terminal.close()


def command(tape: Path, *options: str) -> str:
    return shlex.join([sys.executable, "-m", "holter", "top", str(tape), *options])


def has(*texts: str) -> Callable[[list[str]], bool]:
    return lambda screen: all(any(text in line for line in screen) for text in texts)


@pytest.mark.long
def test_the_screen_follows_the_size_and_the_shell_is_back_at_the_end(tmux: Tmux, tmp_path: Path) -> None:
    tape = tmp_path / "frozen.holter"
    scene.write(tape, 175, frozen=True)
    tmux.type("echo before", "Enter", command(tape), "Enter")
    screen = tmux.until(has("worker 7", "GPU 0", "Help"))
    assert len(screen) == 24 and any("TTT" in line for line in screen)
    tmux.resize(40, 15)
    screen = tmux.until(lambda lines: len(lines) == 15 and has("w7", "GPU0", "Help")(lines))
    assert "too small" not in " ".join(screen)
    tmux.resize(130, 45)
    tmux.until(has("worker 11", "Events", "data wait"))
    tmux.type("w")
    tmux.until(has("Who waits on whom", "batch queue", "stopped (T)"))
    tmux.type("q")
    screen = tmux.until(has("ready$"))
    assert "before" in screen
    tmux.type("echo still works", "Enter")
    tmux.until(lambda lines: "still works" in lines)


def test_chinese_fills_the_lines_exactly(tmux: Tmux, tmp_path: Path) -> None:
    tape = tmp_path / "frozen.holter"
    scene.write(tape, 175, frozen=True)
    tmux.type(command(tape, "--lang", "zh"), "Enter")
    screen = tmux.until(has("数据 7", "磁盘", "帮助"))
    assert len(screen) == 24
    # A line that is one cell too wide would push the next one down.
    assert screen[-1].startswith("·") and any(line.startswith("阶段") for line in screen[2:4])
    tmux.type("q")
    tmux.until(has("ready$"))


def test_suspended_and_continued_it_is_there_again(tmux: Tmux, tmp_path: Path) -> None:
    tape = tmp_path / "over.holter"
    scene.write(tape, 60)
    tmux.type(command(tape), "Enter")
    tmux.until(has("worker 11"))
    tmux.type("C-z")
    tmux.until(has("Stopped", "ready$"))
    tmux.type("fg", "Enter")
    tmux.until(has("worker 11", "Help"))
    tmux.type("q")
    screen = tmux.until(has("ready$"))
    assert not any("worker" in line for line in screen), screen
