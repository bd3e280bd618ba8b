"""Every command of README and docs is one that Holter takes, and those that can run here do."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from holter.cli import app
from needs import imported
from pages import CHECKOUT, PAGES, Block, blocks, run_bash

PARSER: Any = typer.main.get_command(app)
USAGE_ERROR: Any = typer.BadParameter.__base__
BLOCKS = blocks()
WITH_HOLTER = [block for block in BLOCKS if block.calls]
TAPE = CHECKOUT / "tests/tapes/frozen_worker/workers_sigstop.holter"
EXTRAS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

# Words that stand for what a reader puts in their place.
PLACEHOLDERS = {"PID": "4711", "CAUSE": "frozen-worker", "N": "3", "COMMAND": "doctor", "命令": "doctor"}
# What else the pages tell to type; a slip of the pen would be a command of its own.
OTHERS = {
    "apptainer", "docker", "export", "git", "kill", "make", "nnUNetv2_train", "pgrep", "pip", "pre-commit",
    "prometheus-node-exporter", "ps", "py-spy", "python", "python3", "sbatch", "scontrol", "singularity", "srun", "ssh",
    "sysctl", "sudo",
}  # fmt: skip

# Of a block the commands that need nothing but the files below are run; these are not.
NOT_RUN = {
    "ask": "asks questions",
    "attach": "needs a training that runs",
    "bench": "needs a prepared data set; tests/bench runs it",
    "demo": "trains for minutes; tests/demo runs it, and scripts/stranger.sh from a README alone",
    "notify-test": "sends a message",
    "study": "needs folders of nnU-Net; tests/study runs it",
    "train": "trains for hours; tests/trainer runs it",
    "tune": "needs a prepared data set; tests/bench runs it",
    "web": "serves until it is ended; tests/views/web runs it",
    "4711": "is no process",
    "PID": "is no process",
    "3d_fullres": "needs a prepared data set; tests/doctor runs it",
    "--python": "needs another environment; tests/doctor runs it",
    "--open": "opens a page",
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
    PATH="$REAL_PATH" "$PYTHON" -m holter "$@"
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
    typed = set(re.findall(r"(?<![\w./~-])holter +(?=[a-z])([a-z-]+)", block.code))
    heard = {next((word for word in words if word), "") for words in block.calls}
    assert typed <= heard, f"bash came not to {typed - heard}"
    for words in block.calls:
        parse(words)  # raises click's UsageError, which names the word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_commands_within_a_sentence_exist_with_their_options(page: Path) -> None:
    """There they may lack what is beside the point: ``holter train --loader`` names neither data set nor loader."""
    for line in re.findall(r"(?<!`)`holter ([^`\n]+)`(?!`)", page.read_text(encoding="utf-8")):
        try:
            parse(tuple(shlex.split(re.sub(r"\$\([^)]*\)", "4711", line))))
        except USAGE_ERROR as error:
            lacks = type(error).__name__ == "MissingParameter" or "requires an argument" in error.message
            assert lacks, f"holter {line}: {error.format_message()}"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_other_command_is_known(block: Block) -> None:
    assert {words[0] for words in block.commands} - OTHERS - {"holter"} == set()


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
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    for name in {"run.holter", *(word for words in block.calls for word in words if word.endswith(".holter"))}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TAPE, tmp_path / name)
    for name in {word for words in block.calls for word in words if word.endswith("/")}:
        (tmp_path / name).mkdir()
        shutil.copy(TAPE, tmp_path / name)
    (tmp_path / "tmp").mkdir()
    more = {
        "REAL_PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
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
