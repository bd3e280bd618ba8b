from __future__ import annotations

import contextlib
import os
import termios
import threading
from contextlib import redirect_stderr
from io import StringIO
from typing import Any, TextIO, get_args

import msgspec
import pytest
from reports_scene import diagnosis_slow, diagnosis_stall, episode_stall

from holter.cli import tell
from holter.cli.running.listener import StderrListener
from holter.errors import BadInput
from holter.hook.remarks import remark, worker
from holter.probes.training.remarks import worded
from holter.records import ActionTaken, Diagnosis, Plan
from holter.remedies.ladder import WAITS, reason_of
from holter.reports.catalogue import Lang
from holter.reports.live import lines as live
from holter.reports.live.incidents import WHOLE_EVERY_S, KnownCauses
from holter.reports.outcome import Outcome
from holter.reports.outcome.sentences import DEAD
from holter.supervisor.healing.healer import AT_WORK_AGAIN
from holter.texts.training_log import LogParser

STOPPED = remark("worker-stopped", worker=worker(2, 7))


def taken(action: str, state: str, **more: Any) -> ActionTaken:
    return ActionTaken(t_s=5.0, action=action, state=state, **more)  # type: ignore[arg-type]


def test_the_alarm_says_what_and_where() -> None:
    line = live.alarm(episode_stall(), "en")
    assert line.startswith("Stalled during training: no progress for 6 s")


def test_the_cause_comes_with_its_reason_and_the_command() -> None:
    lines = live.cause(diagnosis_stall(), "en").splitlines()
    assert lines[0] == "worker 2 (PID 4713) is stopped. Confirmed (score 0.97)"
    assert lines[-1] == "    kill -CONT 4713"


def test_a_cause_that_comes_back_takes_one_line_until_its_advice_is_new_or_old() -> None:
    causes, first = KnownCauses(), diagnosis_slow()

    def again(after_s: float, diagnosis: Diagnosis = first) -> list[str]:
        episode = diagnosis.episode
        later = msgspec.structs.replace(
            episode, start_s=episode.start_s + after_s, alarm_s=episode.alarm_s + after_s, end_s=None
        )
        return causes.words(msgspec.structs.replace(diagnosis, episode=later), "en").splitlines()

    whole = again(0.0)
    assert len(whole) > 2 and again(0.0) == whole, "a second verdict on one incident is whole"
    (line,) = again(100.0)
    assert line == f"{whole[0]}; reasons and advice as before"
    assert again(WHOLE_EVERY_S + 1.0)[1:] == whole[1:]
    stall = again(0.0, diagnosis_stall())
    assert len(stall) > 2 and "kill -CONT 4713" in stall[-1]
    assert len(again(100.0, diagnosis_stall())) == 1


def test_every_line_of_every_message_carries_the_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    for lang in ("en", "zh"):
        with StderrListener(lang) as speaker:
            speaker.cause(diagnosis_slow())
            speaker.action(taken("wait", "begun", cause="slow-storage"))
            speaker.over(episode_stall())
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) > 5 and all(line.startswith("holter: ") for line in lines)


def test_what_a_message_quotes_is_marked_line_by_line_and_read_by_nobody_as_the_trainings() -> None:
    quoted = "main (PID 7) raised OSError: [Errno 28] No space left on device\nTraceback (most recent call last):\n\nx"
    episode = msgspec.structs.replace(episode_stall(), reason=quoted)
    note, error = StringIO(), StringIO()
    with redirect_stderr(note), StderrListener("en") as speaker:
        speaker.note(quoted)
    with redirect_stderr(error):
        tell(BadInput(quoted, safe="Nothing was started.", next_step="Look."))
    alarm = live.alarm(episode, "en")  # the report quotes the rest
    assert alarm.endswith("No space left on device …") and "\n" not in alarm
    for told in (note.getvalue(), error.getvalue()):
        assert told.count("holter:") == len(told.splitlines()) >= 4
        assert LogParser(0.0, source="console").feed(told.splitlines(), 1.0) == []


@pytest.mark.parametrize(
    ("state", "cause", "said"), [("dead", "main-exception", 1), ("dead", None, 0), ("nothing-trained", None, 0)]
)
def test_what_failed_before_its_first_epoch_has_a_closing_line_and_a_program_that_trains_nothing_none(
    state: Any, cause: str | None, said: int
) -> None:
    note = StringIO()
    with redirect_stderr(note), StderrListener("en") as speaker:
        speaker.closing(Outcome(state=state, headline=DEAD(at="03:12"), cause=cause, next_command="holter report x"))
    assert note.getvalue() == said * "holter: Dead since 03:12. Next: holter report x\n"


def test_a_restart_is_proposed_once_for_a_worker_and_the_training_that_died_of_it() -> None:
    filtered = live.RepeatFilter()
    first = taken("restart", "proposed", cause="worker-exception")
    assert filtered.is_new(first)
    assert not filtered.is_new(msgspec.structs.replace(first, t_s=9.0, cause=None))
    assert filtered.is_new(msgspec.structs.replace(first, t_s=9.0, cause="worker-killed"))
    assert filtered.is_new(msgspec.structs.replace(first, t_s=10.0, generation=1, cause=None))
    assert filtered.is_new(msgspec.structs.replace(first, t_s=900.0, cause=None))


def test_chinese_messages_are_chinese() -> None:
    assert live.over(episode_stall(), "zh") == "训练停滞（训练阶段），41 秒后恢复"


def test_an_episode_without_a_cause_points_to_the_evidence() -> None:
    assert "holter diagnose" in live.cause(Diagnosis(episode=episode_stall()), "en")


SPOKEN = {
    "replace-workers": {"proposed", "begun", "done", "failed"},
    "save-checkpoint": {"failed"},
    "set-aside-checkpoint": {"done", "failed"},
    "export-again": {"begun", "done", "failed"},
    "restart": {"proposed", "begun", "done", "failed"},
    "end-group": {"failed"},
    "wait": {"proposed", "begun", "done", "failed"},
    "leave-alone": {"begun"},
    "stop": {"proposed", "begun", "done", "failed"},
}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("action", sorted(SPOKEN))
def test_each_action_is_spoken_in_the_states_that_matter(action: str, lang: Lang) -> None:
    states = get_args(ActionTaken.__annotations__["state"]) or ("proposed", "begun", "done", "failed")
    assert {state for state in states if live.action(taken(action, state), lang)} == SPOKEN[action]


@pytest.mark.parametrize(
    ("action", "lang", "expected"),
    [
        (
            taken("restart", "proposed", cause="external-kill", settings=(("nnUNet_n_proc_DA", "6"),)),
            "en",
            "with --heal Holter would now restart the training from its last good checkpoint, with nnUNet_n_proc_DA=6. "
            "Why: Somebody or something ended the training with a signal",
        ),
        (
            taken("replace-workers", "begun", cause="frozen-worker", message=WAITS()),
            "en",
            "replacing the data workers: the training waits for a batch. "
            "Why: A data worker is stopped, and can hold up the whole training",
        ),
        (
            taken("replace-workers", "done", message=worded([STOPPED, remark("workers-started", ended=6, started=6)])),
            "zh",
            "数据进程已更换，本轮继续：数据进程 2（PID 7）已暂停；结束 6 个数据进程，启动 6 个",
        ),
        (
            taken("restart", "done", message=AT_WORK_AGAIN(epoch=5, after=24.2)),
            "zh",
            "训练重新启动后已继续：第 5 轮，重新启动 24 秒后",
        ),
        (
            taken("stop", "begun", message=reason_of(Plan(action="stop", reason="no-progress"))),
            "en",
            "giving up: after the last 4 heals not one epoch was finished",
        ),
        (
            taken("stop", "begun", message=worded(remark("at-epoch-end")), source="hook"),
            "en",
            "saving a checkpoint and stopping, as asked: at the end of this epoch",
        ),
        (
            taken("save-checkpoint", "failed", text="Read-only file system"),
            "zh",
            "检查点未能保存；训练继续：Read-only file system",
        ),
    ],
)
def test_an_action_says_what_with_which_settings_and_why(action: ActionTaken, lang: Lang, expected: str) -> None:
    assert live.action(action, lang) == expected


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_giving_up_tells_schedulers_not_to_start_it_again(lang: Lang) -> None:
    reason = reason_of(Plan(action="stop", reason="every-rung-was-tried"))
    told = live.action(taken("stop", "done", message=reason), lang)
    assert told is not None and "76" in told


# As tapes from before sentences were data have them: the name of a reason, or English words.
BEFORE = (
    (taken("stop", "begun", text="no-progress"), "giving up: after the last 4 heals not one epoch was finished"),
    (taken("stop", "begun", text="asked-to-stop"), "saving a checkpoint and stopping, as asked: "),
    (taken("wait", "begun", text="outside-our-reach"), "waiting: nothing on this machine can heal it"),
    (
        taken("restart", "done", text="epoch 5, 24 s after"),
        "the training goes on after its restart: epoch 5, 24 s after",
    ),
)


@pytest.mark.parametrize(("action", "expected"), BEFORE)
def test_actions_of_older_tapes_are_told_as_they_stand(action: ActionTaken, expected: str) -> None:
    assert (live.action(action, "en") or "").startswith(expected)


@pytest.mark.parametrize("state", ["begun", "proposed"])
@pytest.mark.parametrize(("cause", "words"), [("vgpu-unlicensed", "nvidia-gridd"), ("slow-storage", "D")])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_a_person_must_ask_the_administrator_is_told_word_for_word(
    state: str, cause: str, words: str, lang: Lang
) -> None:
    told = live.action(taken("wait", state, cause=cause), lang)
    assert told is not None
    lines = told.splitlines()
    assert len(lines) == 3
    assert lines[2].strip().endswith("”") and words in lines[2]


def test_what_hook_and_supervisor_both_tell_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with StderrListener("en") as speaker:
        for state in ("begun", "done"):
            for source in ("supervisor", "hook"):
                speaker.action(taken("replace-workers", state, source=source))
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_two_workers_that_are_replaced_one_after_the_other_are_both_told(capsys: pytest.CaptureFixture[str]) -> None:
    with StderrListener("en") as speaker:
        for pid in (7, 8):
            stopped = worded(remark("worker-stopped", worker=worker(0, pid)))
            speaker.action(taken("replace-workers", "begun", source="hook", message=stopped))
        speaker.action(taken("save-checkpoint", "done"))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and "PID 8" in told[1]


def test_a_full_disk_that_fails_every_epoch_is_told_once_until_it_works_again() -> None:
    echoes = live.RepeatFilter()
    said = [
        worded(remark("not-saved-epoch", epoch=number, file="checkpoint_latest.pth", reason="No space left on device"))
        for number in (1, 2)
    ]
    failed = [taken("save-checkpoint", "failed", message=sentence) for sentence in said]
    told = [echoes.is_new(action) for action in (*failed, taken("save-checkpoint", "done"), *failed)]
    assert told == [True, False, True, True, False]


@pytest.fixture
def terminal():
    """A terminal's two ends: the one that a person reads, and the one that is written to."""
    reading, writing = os.openpty()
    stream = os.fdopen(writing, "w", encoding="utf-8")
    yield reading, stream
    for close in (lambda: os.close(reading), stream.close):  # in this order: whoever still writes is let go
        with contextlib.suppress(OSError):
            close()


def shown_within_a_moment(stream: TextIO, lines: int) -> bool:
    """Whether as many lines of progress are done with; one that waits for the terminal is left behind."""
    progress = live.Progress(stream, "en")
    is_done = threading.Event()

    def show() -> None:
        for number in range(lines):
            progress.reading(f"training_log_{number:05d}.txt", number % 100)
        progress.clear()
        is_done.set()

    threading.Thread(target=show, daemon=True).start()
    return is_done.wait(5.0)


def test_progress_is_shown_and_taken_away_on_a_terminal(terminal) -> None:
    reading, stream = terminal
    assert shown_within_a_moment(stream, 1)
    told = ""
    while told.count("\r") < 4:
        told += os.read(reading, 4096).decode()
    assert "training_log_00000.txt" in told and told.endswith("\r")


def test_progress_does_not_wait_for_a_terminal_that_was_stopped(terminal) -> None:
    _, stream = terminal
    termios.tcflow(stream.fileno(), termios.TCOOFF)  # as Ctrl-S does
    assert shown_within_a_moment(stream, 2)
    termios.tcflow(stream.fileno(), termios.TCOON)


def test_progress_does_not_wait_for_a_terminal_that_nobody_reads(terminal) -> None:
    _, stream = terminal
    assert shown_within_a_moment(stream, 5000)
    assert os.get_blocking(stream.fileno()), "the training shares it, and expects it to block"


def test_progress_on_a_terminal_that_has_gone_is_no_error(terminal) -> None:
    reading, stream = terminal
    stream.isatty = lambda: True  # it was one when the line began
    os.close(reading)
    assert shown_within_a_moment(stream, 1)
