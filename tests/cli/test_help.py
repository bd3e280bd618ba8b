"""The help of every command, in the language of the user; and errors."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest
import typer

from holter import cli
from holter.cli import app, help_layout, help_words
from holter.cli.options import spoken_language
from holter.errors import BadInput
from holter.reports.catalogue import text
from holter.sentences import NOTHING_STARTED
from holter.supervisor.train import NO_DATASET

COMMANDS = ["holter", *typer.main.get_command(app).commands]  # type: ignore[attr-defined]
ROW = re.compile(r"[\s│]+")
FRAME = re.compile(r"[\s╭╮╰╯─│]+")


def help_of(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.argv", ["holter", *([command] if command != "holter" else []), "--help"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
    return ROW.sub("", capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_explains_itself_and_its_options_in_chinese(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer import rich_utils

    for name in (*help_words.TITLES, "DEFAULT_STRING"):  # typer's own words are the same for all commands
        monkeypatch.setattr(rich_utils, name, getattr(rich_utils, name), raising=False)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    chinese = help_of(command, capsys, monkeypatch)
    shown = [key for key in keys() if re.fullmatch(rf"help\.{command}(?:\.[\w-]+)?", key)]
    assert len(shown) > 1
    for key in shown:
        first = text(key, "zh").splitlines()[0]
        assert first != text(key, "en").splitlines()[0]
        assert ROW.sub("", first)[:8] in chinese, key
    assert text("help-title.options", "zh") in chinese and text("help-title.show-help", "zh") in chinese
    assert ROW.sub("", text("help-title.show-help", "en")) not in chinese


@pytest.mark.parametrize("locale", ["C.UTF-8", "zh_CN.UTF-8"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_text_is_cut_in_a_narrow_terminal(command: str, locale: str) -> None:
    arguments = [command, "--help"] if command != "holter" else ["--help"]
    program = f"""if True:
        import os, sys
        import holter.cli
        from typer import rich_utils
        sys.argv = ["holter", *{arguments}]
        for width in (400, 80, 60):
            rich_utils.MAX_WIDTH = width
            print("WIDTH", flush=True)
            try:
                holter.cli.main()
            except SystemExit:
                pass
    """
    environ = {"LC_ALL": locale, "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    _, *helps = done.stdout.split("WIDTH")
    whole, *narrow = (Counter(FRAME.sub("", help_)) for help_ in helps)
    assert sum(whole.values()) > 100
    assert [whole - each for each in narrow] == [Counter(), Counter()]


def keys() -> list[str]:
    from holter import sentences

    return [key for key in sentences.ENGLISH if key.startswith("help.")]


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ([], "C", "en"),
        ([], "zh_CN.UTF-8", "zh"),
        (["diagnose", "--lang", "zh", "--help"], "C", "zh"),
        (["diagnose", "--help", "--lang=zh"], "C", "zh"),
        (["diagnose", "--lang", "en", "--help"], "zh_CN.UTF-8", "en"),
        (["diagnose", "--lang", "fr"], "C", "en"),
        (["diagnose", "--lang"], "C", "en"),
        (["run", "--", "train.py", "--lang", "zh"], "C", "en"),
    ],
)
def test_the_language_is_known_before_anything_is_parsed(
    arguments: list[str], environ: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", environ)
    assert spoken_language(arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], True),
        (["run", "-h"], True),
        (["run", "--help"], True),
        (["run", "--", "train.py", "--help"], False),
        (["diagnose", "run.holter"], False),
    ],
)
def test_help_of_the_training_is_not_ours(arguments: list[str], expected: bool) -> None:
    assert help_layout.asks_for_help(arguments) is expected


@pytest.mark.parametrize(
    ("lang", "what", "safe", "step"),
    [
        ("en", "There is no data set 4 in nnU-Net's folders", "Nothing was started.", "Next: ls here"),
        ("zh", "数据集 4", "没有启动任何东西。", "下一步：ls here"),
    ],
)
def test_an_error_is_told_in_the_language_of_the_user(
    lang: str, what: str, safe: str, step: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["holter", "train", "--lang", lang])
    error = BadInput(NO_DATASET(dataset="4"), safe=NOTHING_STARTED(), next_step="ls here")
    assert str(error).startswith("There is no data set 4")  # in logs and tracebacks: English
    cli.tell(error)
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith("holter: bad-input: ") and what in first
    assert [line.removeprefix("holter:").strip() for line in (second, third)] == [safe, step]
