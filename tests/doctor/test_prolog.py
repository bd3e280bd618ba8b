"""``holter doctor --prolog``: one line, quickly, and nothing that only looks dangerous stops a job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from doctor.conftest import HOLTER, World
from needs import require

WITHIN_S = 10.0
TRAINING = ("801", "3d_fullres", "-f", "0", "--device", "cpu")


def prolog(world: World, *words: str, **variables: str) -> tuple[int, str, str]:
    environ = {**os.environ, **world.environment, "HOLTER_LANG": "en", **variables}
    done = subprocess.run([*HOLTER, *words, "--prolog"], env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_sound_node_is_one_line_and_torch_is_not_imported(world: World) -> None:
    code, said, imported = prolog(world, *TRAINING, PYTHONPROFILEIMPORTTIME="1")
    assert code == 0 and said.startswith("go, in ") and said.count("\n") == 1, said
    assert "holter.doctor" in imported and " torch" not in imported


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("802", "3d_fullres", "--device", "cpu"), "No data set 802"),
        (("801", "3d_fullres"), "no-go: "),  # no GPU
    ],
)
def test_no_go_is_one_line_with_the_reason(world: World, words: tuple[str, ...], said: str) -> None:
    code, line, _ = prolog(world, *words, CUDA_VISIBLE_DEVICES="")
    assert code == 1 and line.startswith("no-go: ") and said in line and line.count("\n") == 1


@pytest.fixture
def hanging(world: World) -> Iterator[World]:
    """The data on a mount whose answers take an hour."""
    require("fuse3", "dev-fuse")
    mount, control = world.root / "mount", world.root / "delay"
    mount.mkdir()
    words = [str(world.root / "nnUNet_preprocessed"), str(mount), str(control)]
    server = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "holter.demo.slow_fs", *words])
    try:
        end_s = time.monotonic() + 20
        while not mount.is_mount():
            assert time.monotonic() < end_s, "the mount did not come up"
            time.sleep(0.05)
        os.kill(server.pid, signal.SIGSTOP)  # as a file server that is gone
        yield world._replace(environment={**world.environment, "nnUNet_preprocessed": str(mount)})
    finally:
        os.kill(server.pid, signal.SIGCONT)
        subprocess.run(["fusermount3", "-u", "-z", str(mount)], check=False)
        server.kill()
        server.wait()


def test_a_mount_that_does_not_answer_is_no_go_within_ten_seconds(hanging: World) -> None:
    began_s = time.monotonic()
    code, line, _ = prolog(hanging, *TRAINING)
    assert time.monotonic() - began_s < WITHIN_S
    assert code == 1 and line.startswith("no-go: nnU-Net's folders did not answer")


@pytest.mark.parametrize("child", ["question", "disk_child"])
def test_a_look_that_had_no_time_to_begin_is_no_no_go(world: World, child: str) -> None:
    # As on a machine that is so busy that Python has not started when the time is over.
    late = f"import sys, time\nif 'holter.doctor.collect.{child}' in sys.orig_argv:\n    time.sleep(60)\n"
    (world.root / "late").mkdir()
    (world.root / "late" / "sitecustomize.py").write_text(late)
    code, line, _ = prolog(world, *TRAINING, PYTHONPATH=str(world.root / "late"))
    assert code == 2 and line.startswith("not looked at: ") and line.count("\n") == 1, line
    assert "had not begun after 6" in line, line
