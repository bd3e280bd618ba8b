"""Problems of the recording itself: each is said once; what is promised about the rest of a tape."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from holter.linux.procfs import is_ending, read_text
from holter.records import Message, Noted, Text
from holter.supervisor.recording import own_problems
from holter.supervisor.recording.listener import Listener
from holter.supervisor.recording.own_problems import OwnProblems, say_what_is_left
from holter.supervisor.recording.registrar import LISTED_AS_BEFORE, NOT_LISTED


class Notes(Listener):
    """Keeps the keys of what is said."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def note(self, text: Text) -> None:
        assert isinstance(text, Message)
        self.keys.append(text.key)


def test_a_tape_that_cannot_be_written_is_said_once_and_so_is_its_return() -> None:
    notes = Notes()
    writer = SimpleNamespace(problem=None, lost_rows=0)
    problems = OwnProblems(writer, notes, None)  # type: ignore[arg-type]
    assert problems.see(0.0) == ()
    writer.problem = "No space left on device"
    assert [problems.see(float(second)) for second in range(3)] == [()] * 3
    assert notes.keys == ["recorder.no-tape"]
    writer.problem, writer.lost_rows = None, 7
    (gap,) = problems.see(3.0)
    assert (gap.what, gap.message) == ("tape-gap", own_problems.ROWS_LOST(count=7))
    assert problems.see(4.0) == ()
    assert notes.keys == ["recorder.no-tape", "recorder.tape-again"]


def test_a_part_that_fails_in_each_second_is_said_and_written_once() -> None:
    notes, written = Notes(), list[Noted]()
    problems = OwnProblems(SimpleNamespace(write_events=written.extend), notes, None)  # type: ignore[arg-type]
    for second in range(3):
        problems.failed(ValueError("7"), float(second))
    problems.failed(OSError("gone"), 3.0)
    assert notes.keys == ["recorder.part-failed"] * 2
    assert [(note.t_s, note.text) for note in written] == [(0.0, "ValueError: 7"), (3.0, "OSError: gone")]


def test_each_reason_why_a_run_is_not_listed_is_said_once() -> None:
    notes = Notes()
    registrar = SimpleNamespace(problem=NOT_LISTED(why="Permission denied"))
    problems = OwnProblems(SimpleNamespace(problem=None, lost_rows=0), notes, registrar)  # type: ignore[arg-type]
    for problem in (registrar.problem, None, registrar.problem, LISTED_AS_BEFORE(why="No space left on device")):
        registrar.problem = problem
        assert [problems.see(0.0) for _ in range(2)] == [(), ()]
    assert notes.keys == ["registry.not-listed", "registry.listed-as-before"]


DEAD_DISK = SimpleNamespace(waiting_pid=17, unwritten_s=61.0)


@pytest.mark.parametrize(
    ("environ", "in_container", "key"),
    [
        ({}, False, "recorder.tape-left"),
        ({"SLURM_JOB_ID": "4"}, False, "recorder.tape-left-for-now"),  # its cgroup is killed at the end of the job
        ({"PBS_JOBID": "4.pbs"}, False, "recorder.tape-left-for-now"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False, "recorder.tape-left-for-now"),
        ({}, True, "recorder.tape-left-for-now"),  # below a shell that is the first process
    ],
)
def test_what_others_may_end_is_promised_only_for_so_long(
    environ: dict[str, str], in_container: bool, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_problems, "is_in_container", lambda: in_container)
    said: list[str] = []
    say_what_is_left(DEAD_DISK, lambda message: said.append(message.key), environ)  # type: ignore[arg-type]
    assert said == [key]


def test_of_a_whole_tape_nothing_is_said() -> None:
    whole = SimpleNamespace(waiting_pid=None)
    say_what_is_left(whole, lambda message: pytest.fail(message.key), {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stat", "status", "ends"),
    [
        ("7 (a) b) D 1 7 7 0 -1 4194308 0", None, True),  # exiting
        ("7 (python) D 1 7 7 0 -1 4194304 0", "SigPnd:\t0000000000000100\n", True),  # killed, and waits for a disk
        ("7 (python) D 1 7 7 0 -1 4194304 0", "SigPnd:\t0000000000004000\nShdPnd:\t0000000000000100\n", False),
        ("7 (python) S 1 7 7 0 -1 4194304 0", "SigPnd:\t0000000000000000\n", False),
        (None, None, False),
        ("7 (python", "", False),
    ],
)
def test_a_killed_process_is_known_before_it_is_gone(stat: str | None, status: str | None, ends: bool) -> None:
    assert is_ending(stat, status) == ends


def test_this_process_does_not_end() -> None:
    assert not is_ending(read_text("/proc/self/stat"), read_text("/proc/self/status"))
