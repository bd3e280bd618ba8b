"""A program that is not nnU-Net is told of in its own terms: its exception, and nothing of folders it has never had."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOLTER = (sys.executable, "-m", "holter")
OF_NNUNET = re.compile(r"nnU-?Net|batchgenerators|checkpoint|Goodput|epoch", re.IGNORECASE)
# Holter's start costs about a second; a script that is over before the first look was hardly watched.
LASTS_S = 3


def run(folder: Path, program: str) -> str:
    """What Holter says of it while it runs."""
    (folder / "script.py").write_text(f"import time\ntime.sleep({LASTS_S})\n{program}\n")
    with (folder / "errors.txt").open("wb") as errors:
        command = [*HOLTER, "run", "-o", "t.holter", "--", sys.executable, "script.py"]
        subprocess.run(command, cwd=folder, stdout=errors, stderr=errors, timeout=60, check=False)
    return (folder / "errors.txt").read_text()


def diagnose_episodes(folder: Path, *options: str) -> str:
    command = [*HOLTER, "diagnose", "t.holter", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False).stdout


@pytest.mark.long
def test_an_exception_is_named_live_although_its_lines_come_after_the_end(tmp_path):
    letter = run(tmp_path, "raise KeyError('age')")
    assert "KeyError: 'age'" in "".join(line for line in letter.splitlines() if line.startswith("holter:"))
    assert "no cause seen" not in letter
    assert "PID None" not in letter
    assert "is over" not in letter
    document = json.loads(diagnose_episodes(tmp_path, "--json"))
    assert [episode["headline"]["cause"] for episode in document["episodes"]] == ["main-exception"]
    assert document["goodput"]["goodput_ratio"] is None


@pytest.mark.long
def test_an_exit_code_without_a_cause_asks_for_nothing_of_nnunet(tmp_path):
    assert "exit code 3; no cause seen" in run(tmp_path, "raise SystemExit(3)")
    assert not OF_NNUNET.search(diagnose_episodes(tmp_path))
    for episode in json.loads(diagnose_episodes(tmp_path, "--json"))["episodes"]:
        assert episode["headline"]["cause"] is None
        left = [verdict for verdict in episode["diagnosis"] if verdict["verdict"] != "excluded"]
        told = [f"{remedy['text']} {remedy['command']}" for verdict in left for remedy in verdict["remedies"]]
        assert not [words for words in told if OF_NNUNET.search(words)]


@pytest.mark.long
def test_a_workers_death_is_not_over_with_the_end_of_the_program(tmp_path):
    """PyTorch's own loader: main hears of the dead worker after seconds, and ends by it."""
    program = """
import os, signal, torch, threading
from torch.utils.data import DataLoader
def load(place):
    time.sleep(0.05)
    return torch.zeros(1)
class Data(torch.utils.data.Dataset):
    __len__ = lambda self: 10_000
    __getitem__ = lambda self, place: load(place)
batches = iter(DataLoader(Data(), batch_size=2, num_workers=2))
threading.Timer(3.0, lambda: os.kill(batches._workers[0].pid, signal.SIGKILL)).start()
for batch in batches:
    pass
"""
    letter = run(tmp_path, program)
    assert "was killed. Confirmed" in letter
    assert "is over" not in letter
