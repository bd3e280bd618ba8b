"""What keys do; and that none of them reaches the training."""

from __future__ import annotations

import os
import string
import time
from pathlib import Path

import pytest
from benchmarks.views import scene

from holter.views.model.run import Run
from holter.views.top.desk import Desk
from holter.views.top.draw.glyphs import UNICODE
from holter.views.top.draw.rows import plain
from holter.views.top.run_control import RunControl

NAMES = ("left", "right", "shift+left", "home", "end", "pageup", "pagedown", "up", "down", "enter", "tab", "shift+tab",
         "space", "escape", "f1", "f3", "f7", "f8", "f9", "backspace", "ctrl+left", "ctrl+k", "delete")  # fmt: skip


class Screen:
    def __init__(self, tape: Path) -> None:
        self.control = RunControl(Desk(Run(tape), "en"), UNICODE)
        self.control.tick(0.0, time.time())
        self.draw()

    def draw(self) -> list[str]:
        return [plain(line).rstrip() for line in self.control.draw(80, 24, 0.0).lines]

    def press(self, *keys: str) -> list[str]:
        for key in keys:
            self.control.key(key, key if len(key) == 1 else None, 0.0)
            lines = self.draw()
        return lines


@pytest.fixture
def screen(tmp_path: Path):
    tape = tmp_path / "frozen.holter"
    scene.write(tape, 300, frozen=True)
    shown = Screen(tape)
    yield shown
    shown.control.close()


@pytest.mark.slow
def test_no_key_signals_a_process(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as keys_alone:  # the view itself ends its child when it closes
        keys_alone.setattr(os, "kill", lambda *_: pytest.fail("a signal"))
        keys_alone.setattr(os, "killpg", lambda *_: pytest.fail("a signal"))
        for key in (*NAMES, *(set(string.printable) - set(string.whitespace))):
            assert len(screen.press(key, "escape")) == 24


def test_brackets_go_from_alarm_to_alarm_and_end_goes_to_now(screen: Screen) -> None:
    lines = screen.press("[")
    assert lines[-1].startswith("0:02:30 (")
    assert "No alarm before this time." in screen.press("[")[-1]
    assert "No alarm after this time." in screen.press("]")[-1]
    assert "END" in screen.press("end")[-1]


def test_left_goes_back_by_a_column_and_right_to_the_end_again(screen: Screen) -> None:
    assert "back)" in screen.press("left", "left")[-1]
    assert "END" in screen.press("right", "right")[-1]


def test_a_chosen_lane_has_a_page_of_its_own(screen: Screen) -> None:
    lines = screen.press("home", "shift+right", "down", "down", "enter")
    assert any("worker 0 (PID 4101)" in line for line in lines)
    assert any(line.startswith("CPU ") for line in lines)


def test_a_search_leaves_only_the_lines_that_hold_it(screen: Screen) -> None:
    lines = screen.press("l", "/", "6", "1", ".", "3", "enter")
    found = [line for line in lines if "Epoch time" in line]
    assert found and all("61.3" in line for line in found)
    assert not any("Epoch time" in line for line in screen.press("/", "x", "x", "x"))


def test_a_replay_goes_through_the_time_and_can_be_held(screen: Screen) -> None:
    screen.press("home", "r")
    screen.control.tick(1.0, time.time())
    screen.control.tick(11.0, time.time())
    assert "0:00:10" in screen.draw()[-1]
    held = screen.press("space")[-1]
    screen.control.tick(50.0, time.time())
    assert "PAUSED" in held and screen.draw()[-1] == held


def test_a_click_on_the_chart_goes_to_its_time(screen: Screen) -> None:
    screen.control.click(12, 6, 0.0)
    assert screen.draw()[-1].startswith("0:00:0")
