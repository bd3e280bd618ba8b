"""The command blocks of README and docs, as bash sees them.

A block is run by a real bash in which no command can be found: what bash would start is written down instead, with the
words that the command would get. So quotes, ``$(…)``, loops and continued lines are bash's business, not ours.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = (
    *sorted(CHECKOUT.glob("README*.md")),
    CHECKOUT / "CONTRIBUTING.md",
    CHECKOUT / "SECURITY.md",
    *sorted((CHECKOUT / "docs").rglob("*.md")),
    # The drafts beside this page are made from programs, which have tests of their own.
    CHECKOUT / "upstream/README.md",
    CHECKOUT / "benchmarks/RESULTS.md",
)
SHELLS = ("sh", "bash", "console", "shell")
# In these only lines that begin with a prompt are commands; the others are what was printed.
SESSIONS = ("console", "text")
PROMPT = "$ "
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```\s*$", re.M | re.S)
# What else than Holter the pages tell to type; a slip of the pen would be a command of its own.
OTHERS = {
    "apptainer", "docker", "export", "git", "kill", "make", "nnUNetv2_train", "pgrep", "pip", "pre-commit",
    "prometheus-node-exporter", "ps", "py-spy", "python", "python3", "sbatch", "scontrol", "singularity", "srun", "ssh",
    "sysctl", "sudo", "tensorboard",
}  # fmt: skip
# What bash does itself.
BUILTINS = {
    "[", "{", "}", "!", "cd", "do", "done", "else", "exit", "export", "fi", "for", "if", "kill", "then", "trap",
    "wait", "while",
}  # fmt: skip
# A path to an environment of the reader's own stands for the command itself.
OWN_PATH = re.compile(r"(?<!\S)[\w./~-]*/bin/(?=holter\b|pip\b|python\b)")
# A file that a block writes would be written by its redirection, wherever the command comes from.
OUTSIDE = re.compile(r">\s*['\"]?[/~$]")

# ``kill`` would reach real processes, the others start commands without looking for them first.
LISTENING = r"""
enable -n kill exec source .
hash -r
PATH=/nowhere
command_not_found_handle() {
    printf '%s\0' "$#" "$@" >> "$HEARD"
    if [ "$1" = pgrep ]; then echo 4711; fi
    local word before=""
    for word in "$@"; do
        case $before in "sh -c" | "bash -c") eval "$word" ;; esac
        before="${before##* } $word"
    done
}
"""


@dataclass(frozen=True)
class Block:
    """A fenced block with commands; ``line`` is that of the fence."""

    page: str
    line: int
    script: str

    @cached_property
    def code(self) -> str:
        """The script without its comments: the same in pages of both languages."""
        kept = (re.sub(r"(^|\s)#.*$", "", line).rstrip() for line in self.script.splitlines())
        return "\n".join(line for line in kept if line)

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """What bash starts, command by command."""
        assert not OUTSIDE.search(self.code), f"{self}: writes a file outside the current folder"
        return heard(self.code)

    @property
    def calls(self) -> list[tuple[str, ...]]:
        """The arguments of each ``holter``, also of one that another command starts (``ssh``, ``nohup``, ``srun``)."""
        return [
            words[words.index("holter") + 1 :] for words in self.commands if "holter" in words and words[0] != "git"
        ]

    @property
    def written(self) -> set[str]:
        """The first word of each command as it is written, also of those that bash does not come to (``a || b``)."""
        return {name for line in self.code.replace("\\\n", " ").splitlines() for name in _first_words(line)}

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> list[Block]:
    """Return every block with commands of every page."""
    return [block for page in PAGES for block in _blocks(page)]


@cache
def heard(code: str) -> tuple[tuple[str, ...], ...]:
    """Return what bash starts; pages of two languages have the same code.

    Raises:  ValueError if it is no bash.
    """
    code = OWN_PATH.sub("", code)
    with tempfile.TemporaryDirectory() as folder:
        done = run_bash(LISTENING + code, Path(folder), {"HEARD": f"{folder}/heard"})
        if "syntax error" in done.stderr:
            raise ValueError(f"{done.stderr}\n{code}")
        file = Path(folder, "heard")
        words = file.read_text(encoding="utf-8").split("\0")[:-1] if file.exists() else []
    return tuple(_commands(words))


def run_bash(script: str, folder: Path, more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder, which is also its home."""
    environment = {"HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], **more}
    command = ["bash", "--noprofile", "--norc", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, script = found["language"], found["text"]
        if language in SESSIONS:
            typed = [line.strip() for line in script.splitlines()]
            script = "".join(f"{line[len(PROMPT) :]}\n" for line in typed if line.startswith(PROMPT))
        elif language not in SHELLS:
            continue
        if script.strip():
            yield Block(str(page.relative_to(CHECKOUT)), text[: found.start()].count("\n") + 1, script)


def _first_words(line: str) -> Iterator[str]:
    words = shlex.shlex(OWN_PATH.sub("", line), posix=True, punctuation_chars=True)
    words.whitespace_split = True
    begins = True
    for word in words:
        is_between = set(word) <= set("&|;()")
        is_set = re.match(r"\w+=", word) is not None
        if begins and not is_between and not is_set:
            yield word
        # After these another command begins; a variable that is set stands before one, too.
        begins = is_between or (begins and (is_set or word in ("!", "do", "else", "if", "then", "while")))


def _commands(words: list[str]) -> Iterator[tuple[str, ...]]:
    at = 0
    while at < len(words):
        count = int(words[at])
        yield tuple(words[at + 1 : at + 1 + count])
        at += 1 + count
