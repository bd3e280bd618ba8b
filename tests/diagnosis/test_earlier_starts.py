"""Several starts in one file, as an appended console or log has them: the last one of each training is judged."""

from __future__ import annotations

import datetime
import io
import re

import pytest
from tests.diagnosis.logs import HEADER, START, v2

from holter.diagnosis.logs import read_pasted
from holter.diagnosis.result import DiagnosisResult
from holter.errors import NotALog

DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)
LATER = START + datetime.timedelta(seconds=7)
FRAMES = """Traceback (most recent call last):
  File "/x/nnunetv2/run/run_training.py", line 253, in <module>
    run_training_entry()
"""
OUT_OF_MEMORY = f"{FRAMES}torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
NO_SPACE = f"{FRAMES}OSError: [Errno 28] No space left on device\n"
SLURM = "slurmstepd: error: *** JOB 77 ON n1 CANCELLED AT 2026-03-01T12:00:00 DUE TO TIME LIMIT ***\n"


def cut(day: int = 0, fold: int | None = None) -> str:
    return _of_fold(v2([100] * 5, start=START + day * DAY, cut=True), day, fold)


def whole(day: int = 1, fold: int | None = None, *, first: int = 0) -> str:
    return _of_fold(v2([100] * 8, start=START + day * DAY, first=first, finished=True), day, fold)


def _of_fold(log: str, day: int, fold: int | None) -> str:
    if fold is None:
        return log
    line = f"{START + day * DAY}: Desired fold for training: {fold} \n"
    head, mark, rest = log.partition(f"{START + day * DAY}: do_dummy")
    return head + line + mark + rest


def told(text: str) -> DiagnosisResult:
    return read_pasted(io.BytesIO(text.encode()), "console.txt")


def earlier(result: DiagnosisResult) -> int:
    return sum(note.key.startswith("target.earlier-start") for note in result.notes)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (cut() + OUT_OF_MEMORY + whole(), 1),
        (cut() + "Killed\n" + whole(), 1),
        (cut() + SLURM + whole(first=4), 1),
        (cut() + OUT_OF_MEMORY + cut(1) + NO_SPACE + whole(2), 2),
        (cut(0, 3) + OUT_OF_MEMORY + whole(1, 3), 1),
        (cut(0, 1) + OUT_OF_MEMORY + whole(1, 0) + whole(2, 1), 1),
        ("".join(whole(day, day) for day in range(5)), 0),
    ],
    ids=["error", "killed", "time-limit", "twice", "fold", "fold-later", "five-folds"],
)
def test_a_file_whose_last_start_finished_tells_of_no_trouble(text: str, ends: int) -> None:
    result = told(text)
    assert result.diagnoses == ()
    assert earlier(result) == ends
    assert result.notes[-1].key == "target.finished"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (cut() + OUT_OF_MEMORY + cut(1) + NO_SPACE, "disk-full-or-quota"),
        (cut() + NO_SPACE + cut(1) + OUT_OF_MEMORY, "gpu-out-of-memory"),
        (whole(0) + cut(1) + NO_SPACE, "disk-full-or-quota"),
        # Another fold that finished later does not train this one.
        (whole(0, 0) + cut(1, 1) + NO_SPACE + whole(2, 2), "disk-full-or-quota"),
        # Of the last start there is only the header.
        (cut() + NO_SPACE + v2([], start=START + DAY), "disk-full-or-quota"),
    ],
    ids=["other-error", "other-order", "after-a-good-one", "other-fold", "header-only"],
)
def test_the_last_start_of_a_training_is_judged(text: str, cause: str) -> None:
    deaths = [diagnosis for diagnosis in told(text).diagnoses if diagnosis.episode.kind == "death"]
    assert [diagnosis.verdicts[0].cause for diagnosis in deaths] == [cause]


def test_a_start_that_was_cut_off_after_an_error_is_judged_without_it() -> None:
    result = told(cut() + NO_SPACE + cut(1))
    assert [diagnosis.episode.kind for diagnosis in result.diagnoses] == ["stall"]
    assert earlier(result) == 1


DIES_AT_ONCE = HEADER.rstrip(" ") + OUT_OF_MEMORY


@pytest.mark.parametrize(
    "text",
    [
        whole(0, 0) + DIES_AT_ONCE + whole(2, 2),
        whole(0, 0) + HEADER + f"{START + DAY}: Using torch.compile...\n" + OUT_OF_MEMORY + whole(2, 2),
        # Fold "all" is never named by nnU-Net.
        cut(0, 0) + OUT_OF_MEMORY + whole(1),
        whole(0, 0) + cut(1) + OUT_OF_MEMORY + whole(2, 1),
    ],
    ids=["before-its-fold", "stamped", "then-all", "all-then-one"],
)
def test_a_start_that_names_no_fold_is_not_hidden_by_another_fold(text: str) -> None:
    deaths = [diagnosis for diagnosis in told(text).diagnoses if diagnosis.episode.kind == "death"]
    assert [diagnosis.verdicts[0].cause for diagnosis in deaths] == ["gpu-out-of-memory"]


def test_a_start_that_died_at_once_is_history_where_one_fold_is_named() -> None:
    assert told(DIES_AT_ONCE + whole(1, 0)).diagnoses == ()


def mixed(*logs: str) -> str:
    """The lines of logs in the order of their times, as of trainings that share a console."""
    lines: list[tuple[str, str]] = []
    for log in logs:
        stamp = str(START)
        for line in log.splitlines(keepends=True):
            match = re.match(r"\d{4}-\d\d-\d\d [\d:.]+(?=: )", line)
            stamp = stamp if match is None else match[0]
            lines.append((stamp, line))
    return "".join(line for _, line in sorted(lines, key=lambda pair: pair[0]))


@pytest.mark.parametrize("first_dies", [True, False])
def test_of_folds_that_share_a_console_the_dead_one_is_named(first_dies: bool) -> None:
    ends, goes_on = (START, LATER) if first_dies else (LATER, START)
    dead = v2([100] * 5, start=ends, cut=True) + OUT_OF_MEMORY
    result = told(mixed(dead, v2([100] * 8, start=goes_on, finished=True)))
    assert [diagnosis.verdicts[0].cause for diagnosis in result.diagnoses] == ["gpu-out-of-memory"]
    assert any(note.key == "target.mixed" for note in result.notes)


def test_mixed_lines_without_an_error_get_no_all_clear() -> None:
    with pytest.raises(NotALog, match="mixed"):
        told(mixed(v2([100] * 8, finished=True), v2([100] * 8, start=LATER, finished=True)))


@pytest.mark.parametrize(
    "text",
    [
        "".join(v2([100] * 3, start=START + hour * HOUR, first=hour, cut=True) for hour in range(4)),
        "".join(v2([100] * 3, start=START + hour * HOUR, header=False, cut=True) for hour in range(4)),
        v2([100, 3, 100, 3, 900, 100], finished=True),
    ],
    ids=["continued", "no-headers", "uneven"],
)
def test_one_training_that_starts_often_is_not_mixed(text: str) -> None:
    assert not any(note.key == "target.mixed" for note in told(text).notes)
