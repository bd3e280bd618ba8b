"""One row a training; what runs is known by its PID, its boot and its signs of life, never by the clock alone."""

from __future__ import annotations

import io
import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from holter.linux.place import here
from holter.probes.process.process_files import started
from holter.reports.catalogue import Lang, phrase
from holter.reports.outcome.sentences import FINISHED
from holter.reports.runs import rows_of, take_one
from holter.reports.runs.table import as_json, needs_attention, print_rows, verdict
from holter.tape.registry import Entry, Kept

RUNNING = Entry(
    tape="/nonexistent/a.holter",
    host="node7",
    place=here(),
    pid=os.getpid(),
    pid_started=started(os.getpid()),
    began="2026-11-28T10:00:00+08:00",
    seen="2026-11-28T10:00:30+08:00",
    dataset="Dataset004_Hippocampus",
    configuration="3d_fullres",
    fold="0",
    trainer="nnUNetTrainer",
    folder="/results/fold_0",
)
ENDED = msgspec.structs.replace(
    RUNNING, state="finished", headline=FINISHED(), ended="2026-11-28T12:00:00+08:00", exit_code=0
)


SOON_AFTER = datetime(2026, 11, 28, 12, 30, tzinfo=timezone(timedelta(hours=8)))


def kept(entry: Entry, *, silent_s: float = 0.0, **fields: object) -> Kept:
    return Kept(msgspec.structs.replace(entry, **fields), Path("x"), silent_s)


def states(*entries: Kept) -> list[str]:
    return [row.state for row in rows_of(entries)]


def test_a_recorder_of_this_machine_is_known_by_its_pid() -> None:
    assert states(kept(RUNNING, silent_s=1e6)) == ["running"]  # a full disk keeps it from writing
    with subprocess.Popen(["sleep", "60"]) as process:
        own = {"pid": process.pid, "pid_started": started(process.pid)}
        assert states(kept(RUNNING, **own)) == ["running"]
        process.kill()
    assert states(kept(RUNNING, **own)) == ["cut"]
    assert states(kept(RUNNING, pid_started=1)) == ["cut"]  # the PID belongs to another process by now


def test_a_run_that_died_with_its_host_is_not_running() -> None:
    host, _, space = here().split(" ")
    assert states(kept(RUNNING, place=f"{host} another-boot {space}")) == ["cut"]
    (row,) = rows_of([kept(RUNNING, place="other boot pid:[1]", silent_s=4000.0)])
    assert not row.runs and "breaks off at 2026-11-28 10:00" in phrase(row.headline, "en")


@pytest.mark.parametrize("silent_s", [0.0, 100.0, -30.0])
def test_a_run_on_another_host_runs_as_long_as_it_is_heard_of(silent_s: float) -> None:
    assert states(kept(RUNNING, place="other boot pid:[1]", silent_s=silent_s)) == ["running"]


def test_a_clock_that_was_set_back_keeps_no_dead_run_alive() -> None:
    assert states(kept(RUNNING, place="other boot pid:[1]", silent_s=-86400.0)) == ["cut"]


def test_calls_that_continue_a_fold_are_one_row_with_one_outcome() -> None:
    first = kept(RUNNING, pid_started=1, tape="/nonexistent/1.holter")
    second = kept(ENDED, continues=True, tape="/nonexistent/2.holter", began="2026-11-28T11:00:00+08:00")
    other = kept(ENDED, folder="/results/fold_1", fold="1")
    again = kept(ENDED, began="2026-11-29T11:00:00+08:00", ended="2026-11-29T12:00:00+08:00")  # from the beginning
    rows = rows_of([first, other, second, again])
    assert sorted((row.fold, row.calls) for row in rows) == [("0", 1), ("0", 2), ("1", 1)]
    joined = next(row for row in rows if row.calls == 2)
    assert joined.started == RUNNING.began and joined.ended == ENDED.ended
    assert (joined.tape, joined.earlier_tapes) == ("/nonexistent/2.holter", ("/nonexistent/1.holter",))


def test_a_call_that_failed_before_its_folder_was_known_belongs_to_its_fold() -> None:
    early = kept(ENDED, dataset="4", folder=None, state="dead", exit_code=1)
    assert [row.calls for row in rows_of([early, kept(ENDED, continues=True)])] == [2]
    assert [row.calls for row in rows_of([early, kept(ENDED, continues=True, dataset="Dataset040_X")])] == [1, 1]


def test_who_looks_at_an_orphaned_training_joins_its_row() -> None:
    dead = kept(RUNNING, pid_started=1)
    assert [row.calls for row in rows_of([dead, kept(RUNNING, attached=True)])] == [2]
    assert [row.calls for row in rows_of([kept(ENDED), kept(RUNNING, attached=True)])] == [1, 1]


def test_running_ones_come_first_and_a_target_is_taken_whose_tape_is_there(tmp_path: Path) -> None:
    tape = tmp_path / "there.holter"
    tape.touch()
    old = kept(RUNNING, tape=str(tape), folder="/1", seen="2026-11-20T10:00:30+08:00")
    new = kept(ENDED, tape=str(tape), folder="/2")
    gone = kept(RUNNING, folder="/3")
    rows = rows_of([new, old, gone])
    assert [row.runs for row in rows] == [True, True, False]
    taken = take_one(rows)
    assert taken is not None and taken.running == 1 and taken.row.started == RUNNING.began
    assert take_one(rows_of([gone])) is None
    away = kept(RUNNING, place="other boot pid:[1]")
    assert {row.tape_is for row in rows_of([gone, away])} == {"gone", "elsewhere"}


def test_a_tape_that_was_overwritten_belongs_to_the_newest_run(tmp_path: Path) -> None:
    tape = tmp_path / "run.holter"
    tape.touch()
    older = kept(ENDED, tape=str(tape), folder="/1")
    newer = kept(ENDED, tape=str(tape), folder="/2", ended="2026-11-29T11:00:00+08:00")
    assert [row.tape_is for row in rows_of([older, newer])] == ["there", "gone"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_fits_80_columns_and_keeps_paths_whole(lang: Lang, tmp_path: Path) -> None:
    long = "/data/" + "/".join(["very_long_folder_name"] * 6) + "/run.holter"
    entries = [
        kept(RUNNING, folder="/1", trainer="nnUNetTrainer_with_a_very_long_name_and_more", host="a-long-host-name"),
        kept(ENDED, tape=long, folder="/2"),
        kept(ENDED, folder="/3", dataset=None, command="python " + "train.py " * 60),
        kept(RUNNING, folder="/4", place="other boot pid:[1]", tape=long),
    ]
    with (tmp_path / "out").open("w+", encoding="utf-8") as out:
        print_rows(Console(file=out, width=80, color_system=None), rows_of(entries), lang, everything=False)
        out.seek(0)
        lines = out.read().splitlines()
    assert [line for line in lines if cell_len(line) > 80 and long not in line] == []
    assert sum(long in line for line in lines) == 2
    assert all(as_json(row, lang)["headline"] for row in rows_of(entries))


def test_the_last_line_counts_and_gives_the_next_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("good run", "dead", "stalled"):
        (tmp_path / name).touch()

    def said(*entries: Kept, lang: Lang = "en") -> str:
        return phrase(verdict(rows_of(entries), SOON_AFTER), lang)

    good = kept(ENDED, tape=str(tmp_path / "good run"), folder="/1", began="2026-11-01T10:00:00+08:00")
    dead = kept(ENDED, tape=str(tmp_path / "dead"), folder="/2", state="dead", exit_code=1)
    runs = kept(RUNNING, tape=str(tmp_path / "good run"), folder="/3")
    stalled = kept(RUNNING, tape=str(tmp_path / "stalled"), folder="/4", state="stalled")
    gone = kept(ENDED, folder="/5", state="dead")
    assert said(good) == "Verdict: running: 0, ended: 1. Next: holter report 'good run'"
    assert said(runs) == "Verdict: running: 1, ended: 0. Next: holter top 'good run'"
    assert said(good, dead) == "Verdict: running: 0, ended: 2, need attention: 1. Next: holter diagnose dead"
    assert said(dead, stalled) == "Verdict: running: 1, ended: 1, need attention: 2. Next: holter diagnose stalled"
    assert said(gone) == "Verdict: running: 0, ended: 1, need attention: 1."
    assert said(dead, lang="zh") == "结论：运行中：0，已结束：1，需要关注：1。下一步：holter diagnose dead"


def test_old_runs_and_folds_that_were_trained_again_need_no_attention() -> None:
    dead = kept(ENDED, state="dead", exit_code=1)

    def attention(*entries: Kept, now: datetime = SOON_AFTER) -> list[bool]:
        return [needs_attention(row, now) for row in sorted(rows_of(entries), key=lambda row: row.started or "")]

    assert attention(dead) == [True]
    assert attention(dead, now=SOON_AFTER + timedelta(days=8)) == [False]
    again = {"began": "2026-11-28T12:10:00+08:00", "ended": "2026-11-28T12:20:00+08:00"}
    assert attention(dead, kept(ENDED, **again)) == [False, False]
    assert attention(dead, kept(ENDED, state="dead", **again)) == [False, True]
    assert attention(dead, kept(ENDED, folder="/results/fold_1", fold="1", **again)) == [True, False]
    # A call that trained nothing, such as one with a misspelled option, repairs nothing.
    assert attention(dead, kept(ENDED, state="nothing-trained", **again)) == [True, False]
    stalled = kept(RUNNING, state="stalled", began="2026-11-01T10:00:00+08:00")
    assert attention(stalled, now=SOON_AFTER + timedelta(days=30)) == [True]  # it runs now


@pytest.mark.parametrize("width", [40, 56, 80])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_fold_is_readable_and_names_stand_below_each_other(width: int, lang: Lang) -> None:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    lengths = ("10:00:30", "11:14:59", "12:10:00")  # 30 s, 1 h 14 min, 2 h 10 min
    entries = [
        kept(ENDED, fold=str(n), folder=f"/{n}", ended=f"2026-11-28T{end}+08:00") for n, end in enumerate(lengths)
    ]
    print_rows(console, rows_of(entries), lang)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    whole = " ".join(" ".join(lines).split())
    for n in range(3):
        assert (f"fold {n}" if lang == "en" else f"第 {n} 折") in whole
    names = [cell_len(line[: line.index("Dataset004")]) for line in lines if "Dataset004" in line]
    assert len(names) == 3 and len(set(names)) == 1
    assert not any(cell_len(line) > width for line in lines if "holter" not in line)


def test_the_path_of_a_tape_is_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "Dataset004_Hippocampus-3d_fullres-0-gpu-node-017-20261130-101112-12345.holter"
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    console = Console(file=io.StringIO(), width=80, color_system=None)
    print_rows(console, rows_of([kept(ENDED, tape=str(tmp_path / name))]), "en")
    assert isinstance(console.file, io.StringIO)
    assert f"    {name}" in console.file.getvalue().splitlines()
