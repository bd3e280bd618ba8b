"""The help of every command, in the language of the user; and errors."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len

from holter import cli
from holter.cli import app
from holter.cli.help import words
from holter.cli.help.examples import EXAMPLES
from holter.cli.help.page import GROUPS, explained, key, metavar
from holter.cli.options import spoken_language
from holter.errors import BadInput
from holter.reports.catalogue import text
from holter.sentences import ENGLISH, NOTHING_STARTED
from holter.supervisor.train import NO_DATASET

GROUP = typer.main.get_command(app)
OF_HOLTER: dict[str, object] = GROUP.commands  # type: ignore[attr-defined]
COMMANDS = ["holter", *OF_HOLTER]
HOLTER = (sys.executable, "-m", "holter")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
assert words  # defines the sentences


def help_of(command: str, **environ: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.environ", {**kept, "COLUMNS": "80", **environ})
        patch.setattr("sys.argv", ["holter", *([] if command == "holter" else [command]), "-h"])
        out = io.StringIO()
        with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return out.getvalue()


def squeezed(words: str) -> str:
    return re.sub(r"\s+", "", words)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_explains_itself_and_its_options_in_both_languages(command: str) -> None:
    own = re.compile(rf"(?:help|example)\.{command}(?:\.[\w-]+)?")
    shown = [sentence for sentence in ENGLISH if own.fullmatch(sentence)]
    assert len(shown) > 3
    english, chinese = help_of(command, LC_ALL="C"), help_of(command, LC_ALL="zh_CN.UTF-8")
    for sentence in shown:
        assert text(sentence, "zh") != text(sentence, "en")
        assert squeezed(text(sentence, "en")) in squeezed(english), sentence
        assert squeezed(text(sentence, "zh")) in squeezed(chinese), sentence
    for sentence in ("help-title.usage", "help-title.options", "help-title.show-help", "help-title.examples"):
        assert text(sentence, "en") in english and text(sentence, "zh") in chinese
        assert text(sentence, "en") not in chinese


@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_text_is_cut_and_no_line_is_too_long(command: str) -> None:
    for locale in ("C", "zh_CN.UTF-8"):
        helps = {width: help_of(command, LC_ALL=locale, COLUMNS=str(width)) for width in (100, 80, 40)}
        for width, shown in helps.items():
            # An example and an option's name stay whole, for copying.
            long = [line for line in shown.splitlines() if cell_len(line) > width]
            assert [line for line in long if not re.match(r" {2}(holter |-)|\S+ holter", line)] == [] or width < 80
        whole, *narrow = (Counter(squeezed(each)) for each in helps.values())
        assert [whole - each for each in narrow] == [Counter(), Counter()]


def test_every_command_is_in_a_group_and_has_two_examples_that_name_it() -> None:
    assert set(OF_HOLTER) <= {name for _, names in GROUPS for name in names}
    assert set(OF_HOLTER) <= set(EXAMPLES)
    for command, examples in EXAMPLES.items():
        assert len(examples) >= 2, command
        lines = [line for line, _ in examples]
        assert all(("holter " if command == "holter" else f"holter {command}") in line for line in lines)
        assert len(set(lines)) == len(lines) and max(map(len, lines)) <= 78


def test_every_value_has_a_placeholder_of_its_own() -> None:
    unnamed = [
        key(name, parameter)
        for name, command in OF_HOLTER.items()
        for parameter in command.params  # type: ignore[attr-defined]
        if not parameter.metavar and not getattr(parameter, "is_flag", False)
    ]
    assert unnamed == []
    assert metavar(OF_HOLTER["attach"].params[0]) == "PID"  # type: ignore[attr-defined]


def test_an_option_that_is_empty_unless_given_has_no_default_to_show() -> None:
    options = {parameter.name: parameter for parameter in OF_HOLTER["study"].params}  # type: ignore[attr-defined]
    assert options["slurm_options"].default == ""
    assert "default" not in explained("study", options["slurm_options"], "en")


def in_terminal(*arguments: str, **environ: str) -> str:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **environ}
    with subprocess.Popen([*HOLTER, *arguments], env=environment, stdin=slave, stdout=slave, stderr=slave):
        os.close(slave)
        shown = b""
        while True:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_unless_they_are_not_wanted() -> None:
    coloured = in_terminal("report", "--help", LC_ALL="C")
    assert ESCAPE.search(coloured)
    plain = in_terminal("report", "--help", LC_ALL="C", NO_COLOR="1")
    assert plain == in_terminal("report", "--help", LC_ALL="C", TERM="dumb") == ESCAPE.sub("", coloured)
    assert plain == help_of("report", LC_ALL="C")


def test_without_arguments_holter_shows_its_help() -> None:
    done = subprocess.run([*HOLTER], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0 and "holter doctor 4 3d_fullres" in done.stdout


def test_help_of_the_training_is_not_ours(tmp_path: Path) -> None:
    done = subprocess.run(
        [*HOLTER, "run", "-o", "t.holter", "--", "echo", "-h", "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout == "-h --help\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_train_knows_both_options_for_help(option: str) -> None:
    done = subprocess.run([*HOLTER, "train", option], capture_output=True, text=True, check=True)
    assert "DATASET CONFIGURATION FOLD" in done.stdout
    done = subprocess.run(
        [*HOLTER, "train", "4", "3d_fullres", "0", "-pretrained_weights", "x.pth"],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("nnUNet")},
        check=False,
    )
    assert done.returncode == 2 and "bad-input" in done.stderr  # an h inside a word is not asked for


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


@pytest.mark.parametrize("command", ["run", "train", "attach"])
def test_the_tape_has_the_same_two_names_in_every_command_that_records(command: str) -> None:
    assert re.search(r"^  -o, --tape FILE", help_of(command), re.MULTILINE)


def test_train_takes_its_short_options_as_whole_words_and_leaves_nnunets_alone() -> None:
    train = OF_HOLTER["train"]
    words = ["4", "2d", "0", "-o", "a.holter", "-q", "-num_gpus", "2", "-pretrained_weights", "x.pth", "-foo"]
    context = train.make_context("train", list(words))  # type: ignore[attr-defined]
    assert (context.params["tape"], context.params["quiet"]) == (Path("a.holter"), True)
    assert list(context.params["arguments"]) == [*words[:3], *words[6:]]


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


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["explain"], ["explain", "frozen-worker"]])
def test_what_answers_at_once_imports_nothing_heavy(arguments: list[str]) -> None:
    program = f"""if True:
        import contextlib, io, sys
        sys.argv = ["holter", *{arguments}]
        from holter.cli import main
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            main()
        heavy = ("pydantic", "psutil", "sqlite3", "rich.markdown", "jinja2", "holter.causes", "holter.evidence")
        print([name for name in heavy if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"  # benchmarks.startup has the times
