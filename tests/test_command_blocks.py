"""Every command of README and docs is one that Holter takes, and those that can run here do."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer.main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from holter.cli import app
from needs import imported, require
from pages import BUILTINS, CHECKOUT, OTHERS, OWN_PATH, PAGES, Block, blocks, run_bash

PARSER: Any = typer.main.get_command(app)
USAGE_ERROR: Any = typer.BadParameter.__base__
BLOCKS = blocks()
WITH_HOLTER = [block for block in BLOCKS if block.calls]
# What a hosting site shows who opens an issue.
FORMS = sorted((CHECKOUT / ".github/ISSUE_TEMPLATE").glob("problem*.yml"))
TAPE = CHECKOUT / "tests/tapes/frozen_worker/workers_sigstop.holter"
MANY_EPOCHS = CHECKOUT / "tests/tapes/quiet/tiny_epochs.holter"  # to compare: fewer than five allow no verdict
EXTRAS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

# Words that stand for what a reader puts in their place.
PLACEHOLDERS = {"PID": "4711", "CAUSE": "frozen-worker", "N": "3", "COMMAND": "doctor", "命令": "doctor"}

# Of a block the commands that need nothing but the files below are run; these are not. Each with the test that does.
NOT_RUN = {
    "attach": ("needs a training that runs", "supervisor/start/test_attach.py"),
    "bench": ("needs a prepared data set", "bench/test_command.py"),
    "demo": ("trains for minutes", "demo/test_first_stall.py"),
    "notify-test": ("sends a message", "cli/test_notify_test.py"),
    "study": ("needs folders of nnU-Net", "study/test_command.py"),
    "train": ("trains for hours", "supervisor/start/test_train.py"),
    "tune": ("needs a prepared data set", "bench/test_tune_command.py"),
    "web": ("serves until it is ended", "views/web/test_gate.py"),
    "4711": ("is no process", "supervisor/start/test_attach.py"),
    "PID": ("is no process", "supervisor/start/test_attach.py"),
    "3d_fullres": ("needs a prepared data set", "doctor/test_real.py"),
    "--python": ("needs another environment", "doctor/test_real.py"),
}
# Commands of nnU-Net need its folders; a folder of the reader's is not here.
ELSEWHERE = ("nnUNetv2_", "/")
FILES = {
    "train.py": "#!/usr/bin/env python3\nimport time\nfor step in range(3): time.sleep(0.1)\n",
    "training_log.txt": "2026-11-29 10:00:00.000000: Epoch 0\n",
    "console.txt": "RuntimeError: One or more background workers are no longer alive. Exiting.\n",
    "story.txt": "The training stands since last night, and nvidia-smi shows 0 %.\n",
    "df.txt": "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/sda1 100 100 0 100% /data\n",
    "nvidia-smi.txt": "No devices were found\n",
    "facts.json": '{"holter_evidence": 1, "facts": {"episode.kind": "stall"}}',
    "filled-in.json": '{"holter_evidence": 1, "facts": {"episode.kind": "stall"}}',
}
RUNNING = r"""
enable -n kill exec source .
command_not_found_handle() { :; }
holter() {
    if [[ $RUNS != *$'\n'"$*"$'\n'* ]]; then return 0; fi
    # The reader fills in the template before it is read.
    if [ "$*" = "diagnose evidence.json" ]; then printf '%s\n' "$(<filled-in.json)" > evidence.json; fi
    # Both machines are this one.
    if [ "$1 $2" = "doctor --compare" ]; then for file in "${@:3}"; do printf '%s\n' "$(<here.json)" > "$file"; done; fi
    # Whoever asks gets the first answer to each question.
    if [ "$1" = ask ]; then
        printf '1\n%.0s' {1..20} | PATH="$REAL_PATH" "$PYTHON" -m holter "$@"
    else
        PATH="$REAL_PATH" "$PYTHON" -m holter "$@"
    fi
    printf '%s\t%s\n' "$?" "$*" >> ran.tsv
}
python() { PATH="$REAL_PATH" "$PYTHON" "$@"; }
PATH=/nowhere
"""


def runs(block: Block) -> list[str]:
    """Return the command lines of a block that can run here."""
    return [
        " ".join(words)
        for words in block.calls
        if words and not set(words) & set(NOT_RUN) and not any(word.startswith(ELSEWHERE) for word in words)
    ]


def blocks_to_run() -> list[Block]:
    """Return blocks in which every command line that can run is run once: pages of two languages have the same."""
    seen: set[str] = set()
    chosen = []
    for block in WITH_HOLTER:
        if set(runs(block)) - seen:
            chosen.append(block)
        seen |= set(runs(block))
    return chosen


@pytest.fixture(autouse=True)
def study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study.toml that docs/study.md shows: its reader belongs to the parser of ``holter study``."""
    page = (CHECKOUT / "docs/study.md").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(re.findall(r"```toml\n(.*?)```", page, re.S)[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def parse(words: tuple[str, ...]) -> Any:
    """Let the real parser read a command line, and return its context; nothing is started."""
    name, *rest = [PLACEHOLDERS.get(word, word) for word in words]
    if name.startswith("-"):
        assert any(name in parameter.opts for parameter in PARSER.params), f"there is no option {name}"
        return None
    assert name in PARSER.commands, f"there is no command {name}"
    if "--help" in rest or "-h" in rest:
        return None
    return PARSER.commands[name].make_context(name, rest)


def options_of_nnunet() -> set[str]:
    source = Path(imported("nnunetv2").__path__[0], "run/run_training.py").read_text(encoding="utf-8")
    return set(re.findall(r"add_argument\(\s*['\"](-[\w-]+)", source))


def test_every_kind_of_block_is_found() -> None:
    found = {block.page for block in BLOCKS}
    assert {"README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/study.md", "docs/healing.md"} <= found
    assert len(WITH_HOLTER) > 15
    fences = sum(page.read_text(encoding="utf-8").count("\n```sh\n") for page in PAGES)
    assert fences <= len(BLOCKS)


@pytest.mark.parametrize("block", WITH_HOLTER, ids=str)
def test_every_command_of_a_block_is_one_that_holter_takes(block: Block) -> None:
    typed = Counter(re.findall(r"(?<![\w./~-])holter +(?=[a-z])([a-z-]+)", OWN_PATH.sub("", block.code)))
    heard = Counter(next((word for word in words if word), "") for words in block.calls)
    assert typed <= heard, f"bash came not to {typed - heard}"
    for words in block.calls:
        parse(words)  # raises click's UsageError, which names the word


@pytest.mark.parametrize("page", (*PAGES, *FORMS), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_commands_within_a_sentence_exist_with_their_options(page: Path) -> None:
    """There they may lack what is beside the point: ``holter train --loader`` names neither data set nor loader."""
    for line in re.findall(r"(?<!`)`(?:[\w./~-]*/bin/)?holter ([^`\n]+)`(?!`)", page.read_text(encoding="utf-8")):
        try:
            parse(tuple(shlex.split(re.sub(r"\$\([^)]*\)", "4711", line))))
        except USAGE_ERROR as error:
            lacks = type(error).__name__ == "MissingParameter" or "requires an argument" in error.message
            assert lacks, f"holter {line}: {error.format_message()}"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_other_command_is_known(block: Block) -> None:
    heard = {words[0] for words in block.commands}
    assert (heard | block.written) - OTHERS - BUILTINS - {"holter"} == set()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("a -x || b y && c", {"a", "b", "c"}),
        ("for f in 0 1; do a $f & done; wait", {"for", "do", "a", "done", "wait"}),
        ("[ $code -eq 75 ] && a requeue; V=1 b", {"[", "a", "b"}),
        ("~/env/bin/holter x | y 'p | q; r'", {"holter", "y"}),
        ("(cd z; a) &", {"cd", "a"}),
    ],
)
def test_commands_that_bash_does_not_come_to_are_seen(line: str, names: set[str]) -> None:
    assert Block("page", 1, line).written == names


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_what_python_and_make_are_to_run_exists(block: Block) -> None:
    targets = re.findall(r"^\.PHONY: (.+)$", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.M)[0].split()
    for words in block.commands:
        if words[0] in ("python", "python3") and words[1:2] == ("-m",):
            top, *_ = words[2].split(".")
            place = CHECKOUT / ("src" if top == "holter" else "") / words[2].replace(".", "/")
            is_ours = place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()
            assert is_ours or words[2] in ("pip", "venv"), f"{block}: {words}"
        elif words[0] in ("python", "python3"):
            assert (CHECKOUT / words[1]).is_file() or words[1] in FILES, f"{block}: {words}"
        elif words[0] == "make":
            assert set(words[1:]) <= set(targets), f"{block}: {words}"


@pytest.mark.parametrize("word", NOT_RUN)
def test_what_is_not_run_here_is_run_by_the_test_that_is_named(word: str) -> None:
    _, file = NOT_RUN[word]
    text = (CHECKOUT / "tests" / file).read_text(encoding="utf-8")
    assert "def test_" in text
    if word not in ("4711", "PID"):
        assert re.search(rf"\b{word.strip('-')}\b", text)


def test_options_of_nnunet_are_those_that_it_has() -> None:
    known = options_of_nnunet() | {"-h", "--help"}
    trains = [
        (block, words[words.index("nnUNetv2_train") :])
        for block in BLOCKS
        for words in block.commands
        if "nnUNetv2_train" in words and words[0] != "pgrep"
    ]
    trains += [(block, parse(words).params["arguments"]) for block in BLOCKS for words in block.calls
               if words and words[0] == "train"]  # fmt: skip
    assert len(trains) > 10
    for block, words in trains:
        # A number below zero is a value; `train` takes --help itself.
        assert {word for word in words if re.match(r"--?[a-z]", word)} - known == set(), f"{block}: {words}"


def test_what_pip_is_to_install_exists() -> None:
    """Holter comes from a clone or from git until an index has it."""
    for block in BLOCKS:
        for words in block.commands:
            if "pip" not in words or "install" not in words:
                continue
            for word in words[words.index("install") + 1 :]:
                named = re.match(r"(?P<what>[\w./-]+)(\[(?P<extras>[\w,]+)\])?(?P<where> @ git\+.+)?$", word)
                if named is None or not (named["extras"] or named["what"] == "holter"):
                    continue
                assert set((named["extras"] or "").split(",")) - {""} <= set(EXTRAS), f"{block}: {word}"
                assert named["what"].startswith(".") or named["where"], f"{block}: no index has {word}"


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks_to_run(), ids=str)
def test_a_block_does_what_it_says(block: Block, tmp_path: Path) -> None:
    if "--to tensorboard" in block.script:
        require("tensorboard")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    for name in {"run.holter", *(word for words in block.calls for word in words if word.endswith(".holter"))}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MANY_EPOCHS if "--max-slower" in block.script else TAPE, tmp_path / name)
    for name in {word for words in block.calls for word in words if word.endswith("/")}:
        (tmp_path / name).mkdir()
        shutil.copy(TAPE, tmp_path / name)
    (tmp_path / "tmp").mkdir()
    more = {
        "REAL_PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "BROWSER": "true",  # what --open starts
        "RUNS": "\n".join(["", *runs(block), ""]),
        "TMPDIR": str(tmp_path / "tmp"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    done = run_bash(RUNNING + block.script, tmp_path, more)
    ran = [line.split("\t") for line in (tmp_path / "ran.tsv").read_text(encoding="utf-8").splitlines()]
    assert {line[1] for line in ran} == set(runs(block))
    # 1: a cause was found, or a check says no; 2: Holter refused or failed.
    assert [line for line in ran if line[0] not in ("0", "1")] == [], done.stderr
    assert "Traceback" not in done.stderr
