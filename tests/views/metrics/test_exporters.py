"""``--metrics`` of real runs: what is there during a run, and what is left after each end of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.errors import BadInput
from holter.records import Environment
from holter.views.metrics.exposition import run_name
from holter.views.metrics.targets import Folder, Port, targets
from holter.views.metrics.textfile import TextFile

HOLTER = (sys.executable, "-m", "holter")
PATIENCE_S = 60.0
# As nnU-Net's command is written, so that the run has a name; Python takes it for a script and its arguments.
SCRIPT = """
import os, signal, sys, time
print("child", os.getpid(), flush=True)
end = sys.argv[-1]
while not os.path.exists(end):
    time.sleep(0.05)
sys.exit(int(open(end).read() or 0))
"""


class Run:
    """``holter run`` on a program that waits for a file with its exit code."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        script = self.folder / "nnUNetv2_train"
        script.write_text(SCRIPT)
        self._end = self.folder / "end"
        self.log = self.folder / "log"
        command = [sys.executable, str(script), "4", "3d_fullres", name, str(self._end)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*HOLTER, "run", "--tape", str(self.folder / "run.holter"), *options, "--", *command],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ask_to_end(self, code: int = 0) -> None:
        (self.folder / "new").write_text(str(code))
        (self.folder / "new").rename(self._end)

    def end(self, code: int = 0) -> int:
        self.ask_to_end(code)
        return self.process.wait(PATIENCE_S)

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def child(self) -> int | None:
        found = re.search(r"child (\d+)", self.said)
        return int(found[1]) if found else None


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs = []

    def start(name: str = "0", *options: str) -> Run:
        runs.append(Run(tmp_path, name, *options))
        return runs[-1]

    yield start
    for run in runs:
        for pid in (run.process.pid, run.child):
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(pid, signal.SIGKILL)
        run.process.wait()


@pytest.fixture
def prom(tmp_path: Path) -> Path:
    folder = tmp_path / "prom"
    folder.mkdir()
    return folder


def wait_for(look: Callable[[], object]) -> object:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def metrics_of(run: Run) -> str | None:
    """The answer at the address that the run has told; None while there is none."""
    found = re.search(r"http://\S+/metrics", run.said)
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(found[0], timeout=5).read().decode() if found else None
    return None


def exporters_of(run: Run) -> list[int]:
    """PIDs of the processes that tell the metrics of this run."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"holter.views.metrics" in words and os.fsencode(run.folder / "run.holter") in words:
                pids.append(int(folder.name))
    return pids


@pytest.mark.slow
def test_both_ways_tell_the_run_and_leave_nothing_after_a_good_end(start, prom: Path) -> None:
    run = start("0", "--metrics", "0", "--metrics", f"textfile:{prom}")
    text = wait_for(lambda: (answer := metrics_of(run)) and "holter_run_state" in answer and answer)
    assert 'state="running"} 1.0' in text
    (file,) = wait_for(lambda: files(prom))
    assert re.fullmatch(r"holter-Dataset004-3d_fullres-fold0-[0-9a-f]{6}\.prom", file.name)
    assert file.stat().st_mode & 0o777 == 0o644, "the exporter is another user"
    name = file.name.removeprefix("holter-").removesuffix(".prom")
    assert f'run="{name}"' in file.read_text()
    assert f'run="{name}"' in text
    assert len(exporters_of(run)) == 2
    assert run.end() == 0
    assert files(prom) == []
    wait_for(lambda: not exporters_of(run))


@pytest.mark.slow
def test_a_killed_recorder_is_told_and_the_training_goes_on(start, prom: Path) -> None:
    run = start("0", "--metrics", "0", "--metrics", f"textfile:{prom}")
    wait_for(lambda: files(prom) and metrics_of(run) and run.child)
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    wait_for(lambda: not exporters_of(run))
    (file,) = files(prom)
    assert 'state="cut"} 1.0' in file.read_text()
    os.kill(run.child, 0)  # the training
    assert metrics_of(run) is None


@pytest.mark.slow
def test_ctrl_c_ends_the_training_and_its_metrics(start, prom: Path) -> None:
    run = start("0", "--metrics", "0", "--metrics", f"textfile:{prom}")
    wait_for(lambda: files(prom) and metrics_of(run) and run.child)
    os.killpg(run.process.pid, signal.SIGINT)
    run.process.wait(PATIENCE_S)
    wait_for(lambda: not exporters_of(run))
    (file,) = files(prom)
    assert 'state="stopped"} 1.0' in file.read_text()


@pytest.mark.slow
def test_five_folds_share_a_folder_and_a_port_and_a_dead_one_leaves_what_stays_true(start, prom: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    runs = [start(str(fold), "--metrics", f"{port}", "--metrics", f"textfile:{prom}") for fold in range(5)]
    wait_for(lambda: len(files(prom)) == 5)
    for fold, file in enumerate(files(prom)):
        wait_for(lambda file=file, fold=fold: f'run="Dataset004-3d_fullres-fold{fold}-' in file.read_text())
    codes = [0, 0, 0, 0, 3]
    for run, code in zip(runs, codes, strict=True):
        run.ask_to_end(code)
    assert [run.process.wait(PATIENCE_S) for run in runs] == codes
    (file,) = files(prom)
    left = file.read_text()
    assert 'state="dead"} 1.0' in left
    assert "holter_run_end_timestamp_seconds" in left
    assert "holter_tape_timestamp_seconds" not in left, "an age that only grows is no news"
    run = file.name.removeprefix("holter-").removesuffix(".prom")
    TextFile(prom, run.replace("fold4", "fold3"))
    assert files(prom) == [file], "the next run of another fold"
    TextFile(prom, f"{run[:-6]}000000")
    assert files(prom) == []
    taken = [run for run in runs if "no metrics: port" in run.said]
    assert len(taken) == 4
    assert all(run.said.count("no metrics") == 1 for run in taken)


@pytest.mark.slow
def test_a_folder_that_comes_late_is_used_and_a_wide_address_is_told(start, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    run = start("0", "--metrics", f"textfile:{folder}", "--metrics", "0.0.0.0:0")
    wait_for(lambda: metrics_of(run))
    assert "no metrics as long as" in run.said
    assert "there is no password" in run.said
    folder.mkdir()
    wait_for(lambda: files(folder))
    assert run.end() == 0
    assert files(folder) == []


@pytest.mark.parametrize("option", ["", "x", "textfile:", "70000", "example.org:9109", ":", "1.2.3:9", "-1"])
def test_what_is_neither_port_nor_folder_starts_nothing(option: str) -> None:
    with pytest.raises(BadInput):
        targets([option])


def test_targets() -> None:
    assert targets(["9109", ":9109", "[::1]:9109", "0.0.0.0:0", "textfile:/x y"]) == (
        Port("127.0.0.1", 9109),
        Port("::1", 9109),
        Port("0.0.0.0", 0),
        Folder(Path("/x y")),
    )


def test_a_run_is_named_without_paths_and_never_renamed() -> None:
    early = Environment(wall_start="2026-11-29T10:00:00+00:00", command=("/a/nnUNetv2_train", "7", "2d", "all"))
    late = Environment(wall_start=early.wall_start, command=early.command, hostname="h", plans=(("dataset", "x"),))
    assert run_name(early) == run_name(late)
    assert re.fullmatch(r"Dataset007-2d-foldall-[0-9a-f]{6}", run_name(early) or "")
    other = Environment(wall_start=early.wall_start, command=("/home/jane doe/train-jane.sh", "/data/jane"))
    assert re.fullmatch(r"train-jane\.sh-[0-9a-f]{6}", (run_name(other) or "").replace("_", "-"))


def test_old_files_go_and_files_of_others_stay(tmp_path: Path) -> None:
    old, dead, young, foreign = (tmp_path / name for name in (
        "holter-D-2d-fold1-111111.prom", "holter-D-2d-fold0-222222.prom", "holter-D-2d-fold0-333333.prom", "node.prom",
    ))  # fmt: skip
    half = tmp_path / "holter-D-2d-fold9-444444.prom.tmp"
    for file in (old, dead, young, foreign, half):
        file.write_text("x 1\n")
    ages = {old: 4 * 86_400, dead: 600, foreign: 9 * 86_400, half: 600}
    for file, age_s in ages.items():
        os.utime(file, (time.time() - age_s,) * 2)
    TextFile(tmp_path, "D-2d-fold0-555555")
    assert files(tmp_path) == [young, foreign]
