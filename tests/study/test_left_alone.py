"""A training whose Holter is killed: it goes on with the lock of its fold, and the queue waits for it.

What stands for nnU-Net is a program that inherits the lock, waits, and writes what a finished training writes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from study.conftest import DATASET, World

TRAINING = """
import pathlib, sys, time
folder, hold = map(pathlib.Path, sys.argv[1:])
(folder / "begun").touch()
while hold.exists():
    time.sleep(0.1)
(folder / "validation").mkdir()
for name in ("checkpoint_final.pth", "validation/summary.json"):
    (folder / name).write_text("{}")
"""
# In place of the Python that would run ``-m holter train DATASET CONFIGURATION FOLD …``.
HOLTER = """#!{python}
import pathlib, subprocess, sys
from holter.supervisor.folds.fold_lock import FoldLock
folder = pathlib.Path("{model}") / ("fold_" + sys.argv[6])
with open("{calls}", "a") as calls:
    calls.write(sys.argv[6] + chr(10))
lock = FoldLock(folder)
(folder / "holter-pid").write_text(str(__import__("os").getpid()))
command = ["{python}", "{training}", str(folder), "{hold}"]
code = subprocess.Popen(command, pass_fds=(lock.fd,)).wait()
lock.close()
sys.exit(code)
"""


def wait(look, within_s: float = 120.0) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s
        time.sleep(0.1)


@pytest.mark.slow
def test_it_keeps_its_slot_is_not_set_aside_and_is_not_started_again(world: World) -> None:
    model = Path(world.environ["nnUNet_results"]) / DATASET / "nnUNetTrainer__nnUNetPlans__2d"
    hold, calls, training = (world.folder / name for name in ("hold", "calls", "training.py"))
    training.write_text(TRAINING)
    hold.touch()
    holter = world.folder / "python"
    holter.write_text(HOLTER.format(python=sys.executable, model=model, calls=calls, training=training, hold=hold))
    holter.chmod(0o755)
    code = f"import sys; from holter.cli import main; sys.executable = {str(holter)!r}; main()"
    words = ["study", "run", "4", "-c", "2d", "-f", "0-1", "--slots", "1", "--spacing", "0"]
    command = [sys.executable, "-c", code, *words, "--out", str(world.folder / "out")]
    environ = {**os.environ, **world.environ, "HOLTER_LANG": "en"}
    study = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        wait((model / "fold_0" / "begun").exists)
        os.kill(int((model / "fold_0" / "holter-pid").read_text()), signal.SIGKILL)
        first = [study.stderr.readline() for _ in range(2)]
        assert "its Holter was killed, and the training goes on" in first[1], first
        time.sleep(1.0)
        assert calls.read_text().split() == ["0"], "its slot is taken"
        hold.unlink()
        _, said = study.communicate(timeout=120)
    finally:
        hold.unlink(missing_ok=True)
        study.kill()
    assert study.returncode == 0 and "set aside" not in said, said
    assert calls.read_text().split() == ["0", "1"] and "2 trainings: 2 done" in said
