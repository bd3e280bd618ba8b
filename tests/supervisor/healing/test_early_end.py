"""Exit code 0 is the end of a training, or of a process that left before it.

A small program tells what nnU-Net's trainer tells through the hook, and ends in the same moment.
"""

from __future__ import annotations

import os
import sys
import time

import pytest

from holter.hook.checkpoints.select import FINAL
from holter.supervisor.healing.continuation import Continuation
from holter.supervisor.run import run
from holter.texts.resume_command import resume_command

PROGRAM = """
import os, sys, time
from pathlib import Path
from holter.hook.runtime import RUNTIME
RUNTIME.open("main", phase="startup")
RUNTIME.page.write_info({"output_folder": sys.argv[1], "num_epochs": 3})
RUNTIME.emit("began", what="run_training")
RUNTIME.enter("train", 0)
for _ in range(25):
    RUNTIME.page.begin_wait(1)
    RUNTIME.page.end_wait()
    time.sleep(0.1)
if "final" in sys.argv:
    Path(sys.argv[1], "checkpoint_final.pth").touch()
if "finished" in sys.argv:
    RUNTIME.emit("finished", what="run_training", ok=True)
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("last", "deaths"), [("finished", []), ("final", []), ("nothing", ["ended-early"])])
def test_whoever_finished_in_the_last_moment_has_not_ended_early(tmp_path, last, deaths):
    """``final``: the hook's last word is lost, as with a full disk, and the checkpoint speaks."""
    folder = tmp_path / "fold_0"
    folder.mkdir()
    result = run((sys.executable, "-c", PROGRAM, str(folder), last), tmp_path / "t.holter")
    assert result.returncode == 0
    assert [
        diagnosis.verdicts[0].cause for diagnosis in result.diagnoses if diagnosis.episode.kind == "death"
    ] == deaths


def continuation(earlier_s: float | None) -> Continuation:
    command = ("nnUNetv2_train", "4", "3d_fullres", "0")
    return Continuation(command, resume_command(command), earlier_s, from_scratch=False)


def test_only_a_final_checkpoint_of_this_run_ends_it(tmp_path):
    assert not continuation(None).has_final(None)
    assert not continuation(None).has_final(str(tmp_path))
    (tmp_path / FINAL).touch()
    assert continuation(None).has_final(str(tmp_path))
    now_s = time.time()
    os.utime(tmp_path / FINAL, (now_s, now_s))
    assert continuation(now_s - 1).has_final(str(tmp_path))
    assert not continuation(now_s + 1).has_final(str(tmp_path)), "of a training before this one"


def test_a_folder_that_cannot_be_looked_at_accuses_nobody(tmp_path):
    (tmp_path / "loop").symlink_to("loop")  # ELOOP, for anybody
    assert continuation(None).has_final(str(tmp_path / "loop" / "fold_0"))
