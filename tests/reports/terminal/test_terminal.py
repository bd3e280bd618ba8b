"""Golden files: run with HOLTER_UPDATE_GOLDEN=1 to write them anew, then read the difference."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from inspect import cleandoc
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import healed_scene
import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from holter.causes import PAGES
from holter.records import Diagnosis, EpochEnded, Finding, ProcessEnded, Subject, Tick
from holter.reports.catalogue import Lang
from holter.reports.explain import page, print_page, sections
from holter.reports.terminal import print_diagnosis
from holter.reports.wording import finding_text
from holter.reports.wrapping import NO_LINE_START, wrap
from holter.tape import Recording

GOLDEN = Path(__file__).parents[1] / "golden"
UPDATE = bool(os.environ.get("HOLTER_UPDATE_GOLDEN"))
DOCSTRING = """A data worker is stopped.

What happens:  a worker got SIGSTOP; nothing
               fails, everything waits.
How we know:   its state is T.
"""


def printed(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang, width: int = 80) -> str:
    out = StringIO()
    print_diagnosis(Console(file=out, width=width, color_system=None), recording, diagnoses, lang)
    return out.getvalue()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_terminal_report_reads_as_agreed(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang
) -> None:
    told = printed(recording, diagnoses, lang)
    golden = GOLDEN / f"terminal_{lang}.txt"
    if UPDATE:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_was_done_and_where_the_time_went_reads_as_agreed(lang: Lang) -> None:
    told = printed(healed_scene.recording(), healed_scene.diagnoses()[2:], lang)
    golden = GOLDEN / f"healed_{lang}.txt"
    if UPDATE:
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


def test_a_curve_that_jumped_is_told_with_its_numbers() -> None:
    scene = healed_scene.recording()
    ticks = tuple(
        msgspec.structs.replace(
            tick,
            events=tuple(
                msgspec.structs.replace(event, train_loss=0.4)
                if isinstance(event, EpochEnded) and tick.t_s > 700
                else event
                for event in tick.events
            ),
        )
        for tick in scene.all_ticks
        if tick.t_s > 700
    )
    ticks = (*(tick for tick in scene.all_ticks if tick.t_s <= 700), *ticks)
    told = printed(msgspec.structs.replace(scene, all_ticks=ticks), (), "en", width=300)
    assert "✗ 0:10:09 (09:22:18) Restart: training loss 0.400, expected -0." in told


def test_a_run_that_lost_nothing_gets_no_account(recording: Recording) -> None:
    assert "Where the time went" not in printed(recording, (), "en")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_line_but_commands_fits_the_terminal(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], width: int
) -> None:
    lines = printed(recording, diagnoses, "zh", width).splitlines()
    too_long = [line for line in lines if cell_len(line) > width]
    commands = [
        line for line in too_long if line.lstrip().startswith(("rsync", "df ", "export ", "nnUNetv2_train", "结论："))
    ]
    # A path stays whole, and has its line for itself.
    assert [line for line in too_long if line not in commands and not re.fullmatch(r"[\s→]*/\S+", line)] == []


@pytest.mark.parametrize(
    "path",
    [
        "/data/" + "x/" * 40,
        "/数据/训练集/" + "很长的目录名/" * 8 + "a.holter",
        "~/runs/" + "y" * 80,
        "runs/2/" + "z" * 80,
    ],
)
@pytest.mark.parametrize(
    "sentence", ["Cannot read {path}: no space left on the device.", "无法读取 {path}：磁盘已满，请先清理。"]
)
def test_a_path_is_never_broken(sentence: str, path: str) -> None:
    lines = wrap(sentence.replace("{path}", path), 40)
    assert sum(path in line for line in lines) == 1
    assert all(cell_len(line) <= 40 for line in lines if path not in line)
    assert "".join(lines).replace(" ", "") == sentence.replace("{path}", path).replace(" ", "")


def test_other_long_words_are_broken() -> None:
    assert wrap("x" * 50, 40) == ["x" * 40, "x" * 10]
    assert wrap("and/or " + "这是一个句子" * 8, 40)[0].startswith("and/or 这是")


def test_a_long_command_stays_on_one_line(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> None:
    command = dict(diagnoses[0].remedies)["slow-storage"][1].command
    assert command is not None
    lines = [line.strip() for line in printed(recording, diagnoses, "en").splitlines()]
    for part in command.splitlines():
        assert part in lines


def test_without_colour_no_escape_code_and_no_trailing_blank(
    recording: Recording, diagnoses: tuple[Diagnosis, ...]
) -> None:
    told = printed(recording, diagnoses, "en")
    assert "\x1b" not in told
    assert [line for line in told.splitlines() if line != line.rstrip()] == []


def test_a_log_that_cannot_take_the_signs_gets_plain_ones(
    recording: Recording, diagnoses: tuple[Diagnosis, ...]
) -> None:
    raw = BytesIO()
    out = TextIOWrapper(raw, encoding="latin-1")
    print_diagnosis(Console(file=out, width=80, color_system=None), recording, diagnoses, "en")
    out.flush()
    assert "  + no batch is ready for the main thread (0 of 6)" in raw.getvalue().decode("latin-1")


def test_the_headline_names_the_worker_and_how_sure_we_are(
    recording: Recording, diagnoses: tuple[Diagnosis, ...]
) -> None:
    first = printed(recording, diagnoses[1:], "en").splitlines()[0]
    assert first == "Stalled in epoch 2, 41 s: worker 2 (PID 4713) is stopped. Confirmed."


def test_a_clean_run_says_so(recording: Recording) -> None:
    last = recording.all_ticks[-1]
    end = Tick(t_s=last.t_s, events=(ProcessEnded(t_s=last.t_s, pid=4700, role="main", exit_code=0),))
    over = msgspec.structs.replace(recording, all_ticks=(*recording.all_ticks, end))
    assert printed(over, (), "en") == "Nothing wrong was seen in 10 min 0 s.\n"


def test_without_an_end_all_is_well_only_so_far(recording: Recording) -> None:
    assert "in 10 min 0 s; the recording ends before the training." in printed(recording, (), "en")


@pytest.mark.parametrize("told_before", [(), ("exit_code",)])
def test_an_end_that_nobody_told_is_not_called_well(recording: Recording, told_before: tuple[str, ...]) -> None:
    ends = [ProcessEnded(t_s=590.0, pid=4711, role="main", **dict.fromkeys(told_before, 0))] if told_before else []
    ends.append(ProcessEnded(t_s=600.0, pid=4712, role="main"))
    over = msgspec.structs.replace(recording, all_ticks=(*recording.all_ticks, Tick(t_s=600.0, events=tuple(ends))))
    assert "in 10 min 0 s; how the training ended could not be seen." in printed(over, (), "en")


def test_an_episode_without_a_cause_says_that_none_is_known(
    recording: Recording, diagnoses: tuple[Diagnosis, ...]
) -> None:
    bare = Diagnosis(episode=diagnoses[1].episode)
    assert "No cause seen." in printed(recording, (bare,), "en")


def test_the_english_page_is_the_docstring_and_the_chinese_one_our_own() -> None:
    assert page("frozen-worker", "en") == cleandoc(PAGES["frozen-worker"])
    assert "发生了什么" in page("frozen-worker", "zh")


def test_every_page_is_found_without_importing_the_causes() -> None:
    program = "import sys; from holter.reports.catalogue import pages; print(*pages(), 'holter.causes' in sys.modules)"
    *found, is_imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert found == sorted(PAGES) and is_imported == "False"


def test_a_page_is_taken_apart_by_its_headings() -> None:
    assert list(sections(DOCSTRING)) == [
        ("", "A data worker is stopped."),
        ("What happens", "a worker got SIGSTOP; nothing fails, everything waits."),
        ("How we know", "its state is T."),
    ]


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        ("Looks like:  a (x; y); b.", ["- a (x; y)", "- b"]),
        ("What helps:  run it, e.g. now [SAFE]; wait ... long. No x; no y.",
         ["- run it, e.g. now [SAFE]", "- wait ... long", "No x; no y."]),
        ("怎么办：甲（子；丑）；乙。丙。", ["- 甲（子；丑）", "- 乙", "丙。"]),
        ("What helps:  - its own; list\n- of two", ["- its own; list", "- of two"]),
        ("What helps:  one thing. And a word.", ["one thing. And a word."]),
        ("Source:  a; b.", ["a; b."]),
    ],
)  # fmt: skip
def test_things_of_a_page_that_help_or_look_alike_have_a_line_each(section: str, lines: list[str]) -> None:
    ((_, body),) = sections(section)
    assert body.splitlines() == lines


def test_a_page_prints_its_headings_on_lines_of_their_own() -> None:
    out = StringIO()
    print_page(Console(file=out, width=60, color_system=None), "frozen-worker", "zh")
    lines = out.getvalue().splitlines()
    assert "怎么办" in lines
    assert max(cell_len(line) for line in lines) <= 60


def test_chinese_lines_do_not_begin_with_a_full_stop() -> None:
    lines = wrap("数据进程被暂停了，整个训练都在等它。" * 6, 33)
    assert all(line[0] not in NO_LINE_START for line in lines)
    assert "".join(lines) == "数据进程被暂停了，整个训练都在等它。" * 6


def test_a_detail_with_brackets_stands_after_a_colon(diagnoses: tuple[Diagnosis, ...]) -> None:
    values = (("value", "batch-queue"), ("detail", "get_next (x.py:210)"))
    finding = Finding(fact="main.waits_on", text="main-waits-for-workers", values=values)
    assert finding_text(finding, diagnoses[0], "en") == "the main thread waits for its workers: get_next (x.py:210)"
    assert finding_text(finding, diagnoses[0], "zh") == "主线程在等数据进程：get_next (x.py:210)"


def test_brackets_beside_each_other_stay(diagnoses: tuple[Diagnosis, ...]) -> None:
    values = (("value", (Subject(role="train-worker", index=1, pid=7),)), ("detail", ""))
    finding = Finding(fact="workers.stopped", text="worker-stopped", values=values)
    assert finding_text(finding, diagnoses[0], "zh") == "已暂停（状态 T）：数据进程 1（PID 7）"


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("worker-ended-by-signal", "9", "a worker was ended by signal 9 (SIGKILL)"),
        ("waits-for-batches", "0.7134", "71 % of a step is spent waiting for its batch"),
        ("read-is-slow", "0.42", "one small read took 420 ms"),
        ("read-is-slow", "4.0032", "one small read took 4003 ms"),
    ],
)
def test_numbers_are_told_in_the_unit_of_the_sentence(
    diagnoses: tuple[Diagnosis, ...], text: str, value: str, expected: str
) -> None:
    finding = Finding(fact="x", text=text, values=(("value", value), ("detail", "")))
    assert finding_text(finding, diagnoses[0], "en") == expected
