"""What the demo prints: rows of a terminal that stay whole, and the cause of its own fault."""

from __future__ import annotations

import os
import re
import select
from pathlib import Path

import msgspec
import pytest

from holter.demo.fault_injector import FaultInjector, speaker
from holter.demo.faults import Context, find_fault
from holter.demo.runner import DemoResult, _alarms, _say_result, timing
from holter.records import Beat, Noted, Tick
from holter.remedies.diagnose import diagnose_recording
from holter.reports.live.line_writer import LineWriter
from holter.reports.outcome import outcome_of
from holter.tape import Recording, read

TAPES = Path(__file__).parent.parent / "tapes"


def rows_of(written: str) -> list[str]:
    """The rows that a terminal shows: a carriage return goes back to the start, CSI K clears what follows."""
    rows, column = [""], 0
    for piece in re.findall(r"\x1b\[K|\r|\n|[^\x1b\r\n]+", written):
        if piece == "\n":
            rows.append("")
            column = 0
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[K":
            rows[-1] = rows[-1][:column]
        else:
            rows[-1] = rows[-1][:column] + piece + rows[-1][column + len(piece) :]
            column += len(piece)
    return rows


def read_until(terminal: int, end: bytes) -> bytes:
    """What was written, without the end: the kernel passes it on in parts, and later than it was written."""
    written = b""
    while not written.endswith(end):
        assert select.select([terminal], [], [], 60)[0], written
        written += os.read(terminal, 1 << 16)
    return written.removesuffix(end)


def test_the_row_that_shows_progress_leaves_nothing_behind_in_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        writer = LineWriter(terminal, str)
        say = speaker(writer, "en", shows_progress=True)
        context = Context(scratch=tmp_path, preprocessed=tmp_path)
        injector = FaultInjector(find_fault("none"), context, "en", say, show_progress=True)
        for epoch in (0, 1):
            for step in range(3):
                beat = Beat(t_s=1.0, pid=1, phase="train", epoch=epoch, iteration=step, compute_s=3.2)
                injector._tell_progress(beat)
            say("FAULT")
        writer.close()
        os.write(slave, b"END")
        rows = rows_of(read_until(master, b"END").decode().replace("\r\n", "\n"))
    os.close(master)
    timed = re.compile(r"^(holter:) \d\d-\d\d \d\d:\d\d:\d\d: ")
    said = {timed.sub(r"\1 ", row) for row in rows if timed.match(row) or not row.strip()}
    assert said == {"holter: epoch 0", "holter: epoch 1", "holter: FAULT", ""}
    assert all(timed.match(row) or "step" in row or not row for row in rows)
    assert all(row.count("holter:") <= 1 for row in rows)


def with_fault_at(t_s: float) -> Recording:
    recording = read(TAPES / "frozen_worker/fault.holter")
    without = tuple(
        msgspec.structs.replace(tick, events=tuple(e for e in tick.events if not isinstance(e, Noted)))
        for tick in recording.all_ticks
    )
    note = Tick(t_s=t_s, events=(Noted(t_s=t_s, what="fault", text="freeze-worker"),))
    return msgspec.structs.replace(recording, all_ticks=(*without, note))


def test_another_trouble_of_a_busy_machine_is_not_taken_for_the_fault() -> None:
    recording = with_fault_at(9.0)
    (frozen,) = diagnose_recording(recording, is_over=True)
    verdict = msgspec.structs.replace(frozen.verdicts[0], cause="concurrent-jobs-contention")

    def other(alarm_s: float) -> object:
        episode = msgspec.structs.replace(frozen.episode, kind="slow-down", alarm_s=alarm_s)
        return msgspec.structs.replace(frozen, episode=episode, verdicts=(verdict,))

    for alarm_s in (4.0, 10.0):  # before the fault, and after it
        alarm, _, named = timing(recording, (other(alarm_s), frozen), "frozen-worker")  # type: ignore[arg-type]
        assert named == "frozen-worker"
        assert alarm is not None and alarm > 0
    assert timing(recording, (other(4.0),), "frozen-worker") == (None, None, None)  # type: ignore[arg-type]
    assert timing(recording, (other(10.0),), "frozen-worker")[2] == "concurrent-jobs-contention"  # type: ignore[arg-type]


def told_of(name: str, fault: str, true_cause: str | None, exit_code: int, fault_s: float | None = None) -> str:
    """What the demo says at its end of a kept tape."""
    tape = TAPES / f"{name}.holter"
    recording = read(tape)
    diagnoses = diagnose_recording(recording, is_over=True)
    said: list[str] = []
    result = DemoResult(
        fault=fault,
        true_cause=true_cause,
        tape=tape,
        report=tape,
        training_exit=exit_code,
        diagnoses=diagnoses,
        fault_s=fault_s,
        alarm_s=None,
        cause_s=None,
        named=None,
        lang="en",
        outcome=outcome_of(recording, diagnoses, is_over=True),
        alarms=_alarms(recording, diagnoses),
    )
    _say_result(result, said.append, "en")
    return said[0]


@pytest.mark.parametrize("name", ["external_kill/main_sigterm", "external_kill/main_sigkill", "quiet/interrupted"])
def test_a_demo_that_is_ended_early_is_no_false_alarm_and_missed_nothing(name: str) -> None:
    early = "the training was ended before the demo was over; until then there was no alarm"
    assert told_of(name, "none", None, 130) == early
    assert told_of(name, "freeze-worker", "frozen-worker", 130) == early


def test_an_alarm_without_a_fault_of_the_demo_may_be_right() -> None:
    anyway = "the demo broke nothing, but there was an alarm: something else on this machine, or a false alarm"
    assert told_of("concurrent_jobs_contention/other_jobs", "none", None, 0) == anyway
    assert told_of("concurrent_jobs_contention/other_jobs", "none", None, 143) == anyway
    assert told_of("frozen_worker/fault", "cpu-quota", "cgroup-cpu-quota", 0, 30.0).startswith("MISSED")
