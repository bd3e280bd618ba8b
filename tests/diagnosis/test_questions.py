"""The questions of ``holter ask``: which comes next, what an answer states, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.diagnosis.question_table import QUESTIONS
from holter.diagnosis.questions import MOST_QUESTIONS, answered, judged, merged, next_question
from holter.evidence.stated.choices import CHOICES
from holter.probes.gpu.nvidia_smi import licence_stage

BY_KEY = {question.key: question for question in QUESTIONS}


def test_each_question_is_one_that_moves_the_ranking() -> None:
    facts: dict[str, object] = {}
    asked: frozenset[str] = frozenset()
    first = next_question(facts, asked)
    assert first is not None and first.key == "kind"
    facts = dict(first.choices[0].facts)
    second = next_question(facts, frozenset({"kind"}))
    assert second is not None and second.key != "kind"


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_ask_ends_in_an_evidence_file_and_a_diagnosis(
    tmp_path: Path, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["ask", "--lang", lang], input="1\n" * MOST_QUESTIONS)
    assert done.exit_code == 1
    facts = json.loads((tmp_path / "holter-evidence.json").read_text())["facts"]
    assert facts["episode.kind"] == "stall"
    again = CliRunner().invoke(app, ["diagnose", "holter-evidence.json", "--json"])
    assert json.loads(again.stdout)["episodes"]
    refused = CliRunner().invoke(app, ["ask"], input="1\n")
    assert refused.exception is not None and "exists" in str(refused.exception)


def test_without_an_answer_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["ask"], input="\n" * 20)
    assert done.exception is not None
    assert list(tmp_path.iterdir()) == []


def test_an_answer_can_be_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["ask"], input="3\nb\n5\n")  # it ended; no: the loss is NaN
    assert done.exit_code == 1
    assert json.loads((tmp_path / "holter-evidence.json").read_text())["facts"]["episode.kind"] == "diverged"
    assert done.stderr.count("1 of at most 8") == 2


def test_at_the_first_question_there_is_no_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["ask", "--lang", "zh"], input="返回\n5\n")
    assert json.loads((tmp_path / "holter-evidence.json").read_text())["facts"]["episode.kind"] == "diverged"
    assert done.stderr.count("第 1 个问题") == 2


def asked_after(**facts: object) -> list[str]:
    """The keys of all questions that follow if nothing more is known."""
    keys: list[str] = []
    known = {name.replace("__", "."): value for name, value in facts.items()}
    while len(keys) < MOST_QUESTIONS and (question := next_question(known, frozenset(keys))) is not None:
        keys.append(question.key)
    return keys


@pytest.mark.slow
def test_after_a_death_the_error_is_asked_for_first() -> None:
    assert asked_after(episode__kind="death")[0] == "error"


@pytest.mark.slow
def test_a_question_that_makes_no_sense_is_not_asked() -> None:
    assert "licence" not in asked_after(episode__kind="slow-down", gpu__virtualization="none")
    assert not {"gpu", "workers", "console"} & {*asked_after(episode__kind="death")}


@pytest.mark.slow
def test_a_virtual_gpu_is_asked_for_its_licence_at_once() -> None:
    assert "licence" in asked_after(episode__kind="slow-down", gpu__virtualization="vgpu")[:2]


def test_what_an_answer_says_is_not_asked_again() -> None:
    known = {"episode.kind": "death", "exception.kind": "cuda-oom", "exception.cuda_oom": True}
    assert len(asked_after(**{name.replace(".", "__"): value for name, value in known.items()})) < MOST_QUESTIONS


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("3", {"exception.kind": "cuda-oom", "exception.cuda_oom": True}),
        ("３", {"exception.kind": "cuda-oom", "exception.cuda_oom": True}),
        ("", {}),
        ("   ", {}),
        ("0", None),
        ("99", None),
        ("-1", None),
        ("no idea at all", None),
        ("²", None),
    ],
)
def test_an_answer_is_a_number_or_nothing(line: str, facts: dict[str, object] | None) -> None:
    assert answered(BY_KEY["error"], line) == facts


def test_an_answer_may_be_a_pasted_line_or_words() -> None:
    said = answered(BY_KEY["error"], "RuntimeError: DataLoader worker (pid 4161) is killed by signal: Bus error.\n")
    assert said is not None and said["shm.trouble"] == "no-room"
    said = answered(BY_KEY["machine"], "在 docker 容器里跑")
    assert said is not None and said["system.container"] == "docker"


def test_every_choice_states_facts_that_can_be_judged() -> None:
    for question in QUESTIONS:
        for choice in question.choices:
            assert not choice.facts or judged(merged({"episode.kind": "stall"}, choice.facts))


def holter(*options: str, cwd: Path, given: str) -> subprocess.CompletedProcess[str]:
    """Run it with a pipe as its input."""
    return subprocess.run(
        [sys.executable, "-m", "holter", *options], cwd=cwd, input=given, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_end_of_the_input_ends_the_questions(tmp_path: Path) -> None:
    done = holter("ask", "--lang", "en", cwd=tmp_path, given="3\nCUDA out of memory. Tried to allocate 2 GiB")
    assert done.returncode == 1
    assert "does not fit into the GPU's memory" in done.stdout
    assert json.loads((tmp_path / "holter-evidence.json").read_text())["facts"]["exception.kind"] == "cuda-oom"


@pytest.mark.slow
def test_an_answer_that_says_nothing_is_asked_for_again(tmp_path: Path) -> None:
    done = holter("ask", "--json", cwd=tmp_path, given="17\nhm\n3\n")
    assert done.stderr.count("Nothing was read of that") == 2
    assert json.loads(done.stdout)["episodes"][0]["kind"] == "death"


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    done = holter("ask", "-o", "no/such/folder/e.json", cwd=tmp_path, given="3\n1\n")
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
def test_texts_that_are_given_answer_questions(tmp_path: Path) -> None:
    (tmp_path / "df.txt").write_text(
        "Filesystem      Size  Used Avail Use% Mounted on\nshm              64M   64M     0 100% /dev/shm\n"
    )
    done = holter("ask", "df.txt", cwd=tmp_path, given="3\n5\n")
    facts = json.loads((tmp_path / "holter-evidence.json").read_text())["facts"]
    assert facts["shm.total_bytes"] == 67108864.0
    assert "How large is /dev/shm" not in done.stderr
    gone = holter("ask", "--force", "gone.txt", cwd=tmp_path, given="3\n")
    assert gone.returncode == 2 and "gone.txt cannot be read" in gone.stderr


class Terminal:
    """``holter ask`` in a terminal of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execve(
                sys.executable, [sys.executable, "-m", "holter", "ask", *options], {**os.environ, "TERM": "xterm"}
            )
        self.shown = ""
        self._read = 0  # what an earlier wait has found is not found again

    def wait_for(self, words: str, seconds: float = 30.0) -> None:
        """Read until these words are shown."""
        begun = time.monotonic()
        poll = select.poll()  # select() takes no descriptor above 1023
        poll.register(self._fd, select.POLLIN | select.POLLHUP)
        while words not in self.shown[self._read :] and time.monotonic() - begun < seconds:
            if poll.poll(200):
                try:
                    self.shown += os.read(self._fd, 65536).decode(errors="replace")
                except OSError:
                    break
        assert words in self.shown[self._read :], self.shown[self._read :]
        self._read = self.shown.index(words, self._read) + len(words)

    def type(self, keys: str) -> None:
        """Type, or paste."""
        os.write(self._fd, keys.encode())

    def code(self) -> int:
        """Return the exit code, or minus the signal."""
        _, status = os.waitpid(self._pid, 0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


def test_every_licence_state_that_nvidia_smi_prints_can_be_chosen() -> None:
    stated = {choice.facts["gpu.licence_text"] for choice in BY_KEY["licence"].choices}
    assert {licence_stage(str(text)) for text in stated} == set(CHOICES["gpu.licence_stage"])


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "--lang", "en")
    terminal.wait_for("What happened?")
    terminal.type("\x03")
    assert terminal.code() in (130, -signal.SIGINT)
    assert "Traceback" not in terminal.shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "asks", "found"),
    [("en", "{} of at most", "wrote holter-evidence"), ("zh", "第 {} 个问题", "已写入")],
    ids=["en", "zh"],
)
def test_a_traceback_pasted_in_a_terminal_is_one_answer(tmp_path: Path, lang: str, asks: str, found: str) -> None:
    terminal = Terminal(tmp_path, "--lang", lang)
    terminal.wait_for(asks.format(1))
    terminal.type("3\n")
    terminal.wait_for(asks.format(2))
    terminal.type(
        'Traceback (most recent call last):\n  File "x.py", line 2, in f\n    g()\n'
        "OSError: [Errno 28] No space left on device\n"
    )
    terminal.wait_for(found)  # the second question's answer settles it
    assert terminal.code() == 1
    facts = json.loads((tmp_path / "holter-evidence.json").read_text())["facts"]
    assert facts["disk.error"] == "full"
