"""Children that answer, hang, die, or cannot even be killed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.probes.child.background_command import BackgroundCommand
from holter.probes.child.deadline import STUCK_MAX, ChildClient, Limits
from said import english

SOON_S = 30.0
READ_MAX_S = 0.1
FREEZER = Path("/sys/fs/cgroup/freezer")
ECHO = (sys.executable, "-I", "-S", "-c", "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)")


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.01)


def test_an_answer_comes_to_its_question() -> None:
    child = ChildClient(ECHO)
    assert child.ask(b"abc", SOON_S).text == b"cba"
    assert child.ask(b"def", SOON_S).text == b"fed"
    child.close()


def test_a_child_at_rest_is_gone_and_the_next_question_starts_another() -> None:
    child = ChildClient(ECHO)
    child.ask(b"abc", SOON_S)
    pid = child.pid
    child.rest()
    assert not Path(f"/proc/{pid}").exists(), "not even defunct: nobody may ask again for a minute"
    assert child.ask(b"def", SOON_S).text == b"fed"
    child.close()


def test_a_command_that_does_not_exist_is_told_not_raised() -> None:
    reply = ChildClient(("/nowhere/at-all",)).ask(b"x")
    assert (reply.state, english(reply.trouble)) == ("resting", "could not be started: No such file or directory")


def test_a_child_that_ends_is_replaced_after_a_rest_that_grows(tmp_path: Path) -> None:
    now = [0.0]
    command = ("/bin/sh", "-c", f"echo started >> {tmp_path}/starts; exit 3")
    child = ChildClient(command, clock=lambda: now[0], limits=Limits(back_off_s=(5, 60)))
    starts: list[int] = []
    for second in range(200):
        now[0] = float(second)
        reply = child.ask(b"x", SOON_S)
        assert (reply.state, english(reply.trouble), reply.silent_s) == ("resting", "ended with status 3", second)
        if len((tmp_path / "starts").read_text().split()) > len(starts):
            starts.append(second)
    child.close()
    assert starts == [0, 5, 65, 125, 185]


@pytest.fixture
def freezer() -> Iterator[Path]:
    """A frozen cgroup: what is killed in it stays, as a process does that hangs in a driver or on a dead mount."""
    if os.geteuid() != 0 or not (FREEZER / "tasks").exists():
        pytest.skip("needs root and the cgroup v1 freezer")
    group = FREEZER / f"holter-test-{os.getpid()}"
    group.mkdir()
    (group / "freezer.state").write_text("FROZEN")
    yield group
    (group / "freezer.state").write_text("THAWED")
    wait_until(lambda: not (group / "tasks").read_text())
    group.rmdir()


@pytest.mark.slow
@pytest.mark.root
def test_children_that_do_not_die_are_left_alone_and_are_few(freezer: Path) -> None:
    command = ("/bin/sh", "-c", f"echo $$ > {freezer}/tasks; exec cat")
    child = ChildClient(command, limits=Limits(deadline_s=0.05, abandon_s=0.1, back_off_s=(0.0,)))
    took_s, states = [], set()
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        before = time.monotonic()
        states.add(child.ask(b"x").state)
        took_s.append(time.monotonic() - before)
    assert child.stuck == STUCK_MAX
    assert len((freezer / "tasks").read_text().split()) == STUCK_MAX
    assert states == {"pending", "overdue", "resting"}
    assert sorted(took_s)[len(took_s) * 98 // 100] < READ_MAX_S, (
        "but for moments in which the machine did something else"
    )
    (freezer / "freezer.state").write_text("THAWED")
    wait_until(lambda: child.stuck == 0)
    wait_until(lambda: child.ask(b"awake").state == "answered")
    child.close()


def finished(background: BackgroundCommand) -> tuple[str, str]:
    wait_until(lambda: background.outcome() is not None)
    outcome = background.outcome()
    assert outcome is not None
    background.close()
    return outcome.text, english(outcome.trouble)


def test_an_errand_brings_all_of_a_long_output() -> None:
    text, trouble = finished(BackgroundCommand(("/bin/sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x")))
    assert (len(text), trouble) == (300_000, "")


def test_an_errand_that_fails_says_how() -> None:
    assert finished(BackgroundCommand(("/bin/sh", "-c", "exit 7")))[1] == "sh ended with status 7"
    assert finished(BackgroundCommand(("/bin/sh", "-c", "kill -SEGV $$")))[1] == "sh was killed by SIGSEGV"
    assert "could not be started" in finished(BackgroundCommand(("/nowhere/at-all",)))[1]


def test_an_errand_beyond_its_deadline_is_killed() -> None:
    assert finished(BackgroundCommand(("sleep", "60"), deadline_s=0.1))[1] == "sleep did not end within 0 s"
