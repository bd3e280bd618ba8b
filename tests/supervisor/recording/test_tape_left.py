"""What is promised about the rest of a tape whose disk does not answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from holter.linux.procfs import is_ending, read_text
from holter.supervisor.recording import tape_left
from holter.supervisor.recording.tape_left import say_what_is_left

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
    monkeypatch.setattr(tape_left, "is_in_container", lambda: in_container)
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
