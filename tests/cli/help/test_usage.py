"""A wrong command line is told in Chinese, too."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

OWN_NAMES = re.compile(r"\[[A-Z]+\]|COMMAND|python -m holter(?: [a-z]+)?|'[a-z_]+'|--?[a-z]+|\{.*?\}|\[target\]")


def said(*arguments: str, lang: str = "zh_CN.UTF-8") -> tuple[int, str]:
    environment = {**os.environ, "LC_ALL": lang, "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "holter", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "first_line"),
    [
        (("export",), "缺少参数 TAPE。"),
        (("diagnose", "--nope"), "没有 --nope 这个选项。"),
        (("diagnose", "--for", "x", "1"), "--for 的值不对：不是数字。"),
        (("attach", "x"), "PID 的值不对：不是整数。"),
        (("nosuch",), "没有 nosuch 这个命令。"),
        (("report", "a", "b", "c"), "多余的参数：b c"),
        (("report", "--output"), "选项 --output 需要一个值。"),
    ],
)
def test_a_wrong_command_line_is_told_in_chinese(arguments: tuple[str, ...], first_line: str) -> None:
    code, told = said(*arguments)
    assert code == 2
    assert told.splitlines()[0] == f"holter: bad-usage: {first_line}"
    assert "下一步：" in told.splitlines()[-1] and told.splitlines()[-1].endswith(" --help")
    assert re.search("Usage|Try|Error|Missing|Invalid", OWN_NAMES.sub("", told)) is None


def test_english_errors_have_the_same_form() -> None:
    code, told = said("export", lang="en_US.UTF-8")
    assert code == 2
    assert told.splitlines() == [
        "holter: bad-usage: The argument TAPE is missing.",
        "holter:   Nothing was started.",
        "holter:   Next: holter export --help",
    ]


def test_a_command_that_does_not_exist_names_one_that_does() -> None:
    _, told = said("exprot", lang="C")
    assert told.splitlines()[0] == "holter: bad-usage: There is no command exprot. Did you mean export?"


@pytest.mark.parametrize(
    ("arguments", "first_line"),
    [
        (("study", "statu"), "statu is not one of plan, run, status, finish. Did you mean status?"),
        (("metrics", "graphs"), "graphs is not one of alerts, dashboard."),
        (("list", "--jsn"), "There is no option --jsn. Did you mean --json?"),
        (("web", "--once"), "There is no option --once."),
    ],
)
def test_the_nearest_word_is_named(arguments: tuple[str, ...], first_line: str) -> None:
    code, told = said(*arguments, lang="C")
    assert code == 2
    assert told.splitlines()[0] == f"holter: bad-usage: {first_line}"


@pytest.mark.parametrize("arguments", [("-h", "--lang", "zh"), ("--lang", "zh", "-h"), ("--lang=zh", "list", "-h")])
def test_the_language_may_stand_before_the_command(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holter", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "LC_ALL": "C", "HOLTER_LANG": "en"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("用法：")


def test_a_language_before_the_command_holds_for_its_errors_and_is_checked() -> None:
    _, told = said("--lang", "zh", "metrics", "graphs", lang="C")
    assert "没有启动任何东西" in told
    code, told = said("--lang", "xx", "list", lang="C")
    assert code == 2 and "'xx'" in told
