"""``holter compare`` as a gate in CI, and with what cannot be compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

TAPES = Path(__file__).parents[1] / "tapes"
USUAL, SLOW = str(TAPES / "quiet" / "as_usual.holter"), str(TAPES / "quiet" / "two_dimensions.holter")


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holter", "compare", *arguments, "--lang", "en"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_exit_code_follows_what_is_allowed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    slow = compare(USUAL, SLOW, "--max-slower", "5%", "-o", str(page))
    _, _, last = " ".join(slow.stdout.split()).rpartition(f"wrote {page} ")
    assert slow.returncode == 1
    assert last.startswith("Verdict: two_dimensions is ") and last.endswith(f" Next: holter diagnose {SLOW}")
    assert "Too slow." in slow.stdout and "<h1>two_dimensions is" in page.read_text(encoding="utf-8")
    again = compare(USUAL, SLOW, "--max-slower", "5%", "-o", str(page))
    assert again.returncode == 2 and "file-exists" in again.stderr
    assert compare(SLOW, USUAL, "--max-slower", "5").returncode == 0
    document = json.loads(compare(USUAL, SLOW, USUAL, "--json").stdout)
    assert [run["name"] for run in document["runs"]] == [USUAL, "two_dimensions", USUAL]
    assert document["exit_code"] == 0 and document["verdicts"][1]["ratio"] == 1.0


def test_what_cannot_be_compared_is_one_clear_error(tmp_path: Path) -> None:
    assert "Two tapes are needed" in compare(USUAL).stderr
    assert "--max-slower 'five' is not a share" in compare(USUAL, SLOW, "--max-slower", "five").stderr
    nothing = compare(USUAL, str(tmp_path / "none.holter"))
    assert nothing.returncode == 2 and "No such file" in nothing.stderr
    half = tmp_path / "half.holter"
    half.write_bytes(Path(SLOW).read_bytes()[:4096])
    assert compare(USUAL, str(half)).returncode == 2
    shutil.copy(TAPES / "quiet" / "as_usual.holter", tmp_path / "copy.holter")
    assert compare(USUAL, str(tmp_path / "copy.holter"), "--max-slower", "0").returncode == 0
