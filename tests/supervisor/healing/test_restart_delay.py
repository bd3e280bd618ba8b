"""Checkpoints on a mount that hangs are waited for without holding up the recording or a signal."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import pytest

from holter.records import Plan, Text
from holter.remedies.ladder import OUTSIDE_RUNG
from holter.supervisor.healing.continuation import Way
from holter.supervisor.healing.control import Control
from holter.supervisor.healing.healer import Healer
from holter.supervisor.healing.restart_delay import RestartDelay
from holter.supervisor.recording.clock import RunClock

PLAN = Plan(action="restart", cause="slow-storage", rung=2)


class Waits:
    """A delay, the seconds that were recorded, and what was said."""

    def __init__(self, folder: Path, asked_after: int | None = None) -> None:
        self.seconds = 0
        self.said: list[tuple[str, str]] = []
        self.asked_after = asked_after
        healer = Healer(Control(folder), lambda _: None, act=True, can_continue=True)
        self.delay = RestartDelay(healer, RunClock(), self.step, self.is_asked, self.tell)

    def step(self) -> None:
        self.seconds += 1
        time.sleep(0.05)

    def is_asked(self) -> bool:
        return self.asked_after is not None and self.seconds >= self.asked_after

    def tell(self, action: str, state: str, message: Text, plan: Plan) -> None:
        self.said.append((action, state))


@pytest.mark.parametrize("rung", [2, OUTSIDE_RUNG])
def test_the_wait_of_a_process_that_has_ended_is_not_called_over(tmp_path: Path, rung: int) -> None:
    said: list[tuple[str, str]] = []
    healer = Healer(
        Control(tmp_path), lambda action: said.append((action.action, action.state)), act=True, can_continue=True
    )
    plan = Plan(action="restart", cause="disk-full-or-quota", rung=OUTSIDE_RUNG)
    healer.begin_wait(plan, 0.0)
    delay = RestartDelay(healer, RunClock(), lambda: None, lambda: False, lambda *_: None)
    delay.before(msgspec.structs.replace(plan, rung=rung))
    assert (said[-1] == ("wait", "done")) is (rung == OUTSIDE_RUNG)
    assert not healer.waiting.is_on


@pytest.mark.slow
def test_seconds_are_recorded_while_checkpoints_are_read(tmp_path: Path) -> None:
    waits, answers = Waits(tmp_path), threading.Event()

    def prepare() -> Way:
        answers.wait(30)
        return Way(("train", "--c"), epochs=4)

    threading.Timer(1.5, answers.set).start()
    assert waits.delay.until_readable(prepare, PLAN).epochs == 4
    assert waits.seconds >= 5 and waits.said == []


@pytest.mark.slow
def test_a_signal_ends_the_wait_for_a_mount_that_hangs(tmp_path: Path) -> None:
    waits = Waits(tmp_path, asked_after=4)
    began_s = time.monotonic()
    way = waits.delay.until_readable(lambda: time.sleep(600) or Way(), PLAN)
    assert time.monotonic() - began_s < 10
    assert way.command is None and way.may_pass
    assert waits.said == [("wait", "begun"), ("wait", "failed")]


def test_an_error_of_the_search_is_raised_where_it_was_asked_for(tmp_path: Path) -> None:
    def prepare() -> Way:
        raise ValueError("a bad checkpoint")

    with pytest.raises(ValueError, match="a bad checkpoint"):
        Waits(tmp_path).delay.until_readable(prepare, PLAN)
