"""``holter prune`` says what it would delete, and never touches what runs or is no tape."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

TAPE = Path(__file__).parents[1] / "tapes" / "quiet" / "as_usual.holter"
DAY_S = 86400.0


def prune(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holter", "prune", ".", *arguments, "--lang", "en"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tapes that are 1, 10 and 100 days old, and what looks like one."""
    for days in (1, 10, 100):
        tape = tmp_path / f"{days}.holter"
        shutil.copy(TAPE, tape)
        written_s = time.time() - days * DAY_S
        os.utime(tape, (written_s, written_s))
    (tmp_path / "100.html").write_text("report")
    (tmp_path / "100-csv").mkdir()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.holter"
    shutil.copy(TAPE, outside)
    os.utime(outside, (0, 0))
    (tmp_path / "link.holter").symlink_to(outside)
    for name, content in (("text.holter", b"notes"), ("other.holter", TAPE.read_bytes()[:64])):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, (0, 0))
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "going"),
    [
        (["--older-than", "5d"], ["100.holter", "10.holter"]),
        (["--older-than", "1000h"], ["100.holter"]),
        (["--keep", "1"], ["100.holter", "10.holter"]),
        (["--keep", "9", "--max-size", f"{2.5 * TAPE.stat().st_size / 2**20}MB"], ["100.holter"]),
        # Between two and three tapes if a megabyte has 2**20 bytes, as in Holter's own numbers; less than two if 10**6.
        (["--keep", "9", "--max-size", f"{2.05 * TAPE.stat().st_size / 2**20} MiB"], ["100.holter"]),
        (["--keep", "9", "--max-size", f"{2.05 * TAPE.stat().st_size / 2**20}MB"], ["100.holter"]),
        (["--keep", "2", "--older-than", "5d"], ["100.holter", "10.holter"]),
        (["--older-than", "52w"], []),
    ],
)
def test_nothing_is_deleted_without_yes(folder: Path, arguments: list[str], going: list[str]) -> None:
    before = names(folder)
    document = json.loads(prune(folder, *arguments, "--json").stdout)
    assert [tape["path"] for tape in document["tapes"]] == going and document["deleted"] == []
    assert names(folder) == before


def test_yes_deletes_tapes_alone_and_names_what_stays(folder: Path) -> None:
    before = names(folder)
    dry = prune(folder, "--older-than", "5d")
    *_, verdict = dry.stdout.splitlines()
    assert verdict.startswith("Verdict: 2 of 3 tapes, ")
    assert verdict.endswith("nothing was deleted. Next: holter prune . --older-than 5d --lang en --yes")
    done = prune(folder, "--older-than", "5d", "--yes")
    assert done.returncode == 0 and "2 of 3 tapes deleted" in done.stdout
    assert "stays beside it: 100.html" in done.stdout and "stays beside it: 100-csv" in done.stdout
    assert before - names(folder) == {"100.holter", "10.holter"}
    assert (folder.parent / f"{folder.name}-outside.holter").exists()
    again = prune(folder, "--older-than", "5d", "--yes")
    assert again.returncode == 0 and again.stdout.startswith("Verdict: nothing to delete: 1 tape")
    assert again.stdout.endswith(" Next: holter list\n")


def test_the_tape_of_a_running_training_is_never_deleted(folder: Path, start) -> None:
    process = start("run", "-o", "runs.holter", "--", "sleep", "60", cwd=folder)
    until_s = time.monotonic() + 60
    while not (folder / "runs.holter").exists() and time.monotonic() < until_s:
        time.sleep(0.2)
    done = prune(folder, "--keep", "0", "--yes")
    assert done.returncode == 0 and "3 of 3 tapes deleted" in done.stdout
    assert (folder / "runs.holter").exists() and process.poll() is None


def test_a_limit_is_asked_for_and_understood(folder: Path) -> None:
    none = prune(folder)
    assert none.returncode == 2 and "No limit says which tapes may be deleted." in none.stderr
    assert "5x is not an age: 12h, 30d or 8w." in prune(folder, "--older-than", "5x").stderr
    for wrong in (["--older-than", "90"], ["--max-size", "big"]):
        done = prune(folder, *wrong)
        assert done.returncode == 2 and "Nothing was changed." in done.stderr
