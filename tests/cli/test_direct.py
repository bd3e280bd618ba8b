"""Commands that are carried out without the option parser do the same as with it, and hold less memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TAPE = Path(__file__).parents[1] / "tapes" / "quiet" / "as_usual.holter"
MAIN = """
import sys
from holter.cli import main
try:
    main()
finally:
    print("parser:", "pydantic" in sys.modules, file=sys.stderr)
"""


def holter(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "1", "COLUMNS": "80", "LINES": "24", **variables}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words],
        cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip


@pytest.mark.parametrize("words", [("top", str(TAPE)), ("explain", "frozen-worker")])
def test_the_same_is_said_without_the_parser(tmp_path: Path, words: tuple[str, ...]) -> None:
    direct, parsed = holter(*words, cwd=tmp_path), holter(*words, "--lang", "en", cwd=tmp_path)
    assert "parser: False" in direct.stderr and "parser: True" in parsed.stderr
    assert (direct.returncode, direct.stdout) == (parsed.returncode, parsed.stdout) and direct.stdout


def test_a_setting_of_the_command_needs_the_parser_and_counts(tmp_path: Path) -> None:
    (tmp_path / "holter.toml").write_text("[top]\nascii = true\n[explain]\nlang = 'zh'")
    drawn = holter("top", str(TAPE), cwd=tmp_path)
    assert "parser: True" in drawn.stderr and drawn.stdout.isascii()
    assert "进程" in holter("explain", "frozen-worker", cwd=tmp_path).stdout


def test_the_language_of_all_commands_needs_no_parser(tmp_path: Path) -> None:
    page = holter("explain", "frozen-worker", cwd=tmp_path, HOLTER_LANG="zh")
    assert "parser: False" in page.stderr and "进程" in page.stdout


def test_more_words_and_wrong_targets_are_errors_as_before(tmp_path: Path) -> None:
    assert "parser: True" in holter("top", "a", "b", cwd=tmp_path).stderr
    missing = holter("web", "no/such/folder", cwd=tmp_path)
    assert missing.returncode == 2 and "There is no no/such/folder." in missing.stderr
