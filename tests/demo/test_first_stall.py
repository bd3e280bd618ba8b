"""docs/first-stall.md, played line by line by a real shell: a real training is broken, and its cause is named."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from needs import imported
from pages import CHECKOUT, blocks

PAGE = "docs/first-stall.md"
# The first block installs, the last trains for minutes more; docs/healing.md's tests see what it shows.
LINES = [block.code for block in blocks() if block.page == PAGE][1:-1]


@pytest.mark.training
@pytest.mark.long
def test_the_first_stall_goes_as_its_page_says(tmp_path: Path) -> None:
    imported("nnunetv2")
    imported("nilearn")
    assert [re.findall(r"^holter (\w+)", code) for code in LINES] == [["demo"], ["diagnose"], ["explain"], ["report"]]
    variables = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8",
        "BROWSER": "true",  # what --open starts
    }  # fmt: skip
    said = {}
    for code in LINES:
        done = subprocess.run(
            ["bash", "-c", code], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        said[code.split()[1]] = done.stdout + done.stderr
        # 1: a cause was found.
        assert done.returncode == (1 if " diagnose " in code else 0), f"{code}\n{done.stdout}{done.stderr}"
    page = (CHECKOUT / PAGE).read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.S)
    for line in shown.splitlines():
        # The numbers are those of one machine.
        pattern = re.sub(r"\\?\d+(?:\\?\.\d+)?", r"[\\d.]+", re.escape(line))
        assert re.search(pattern, said["demo"]), f"{line}\n\n{said['demo']}"
    parts = re.findall(r"^\| (?!part|first|---)([\w ]+?) \|", page, re.M)
    assert len(parts) == 6
    assert [part for part in parts if part not in said["diagnose"]] == []
    assert "Confirmed" in said["diagnose"]
    assert (tmp_path / "demo/freeze-worker.html").stat().st_size > 50_000
