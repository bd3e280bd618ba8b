"""Scratch folders of Holters that were killed: the next one removes them, and none that somebody uses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.errors import FolderNotWritable
from holter.linux.place import here
from holter.supervisor import leftovers
from holter.supervisor.leftovers import OTHER_BOOT_AFTER_S, collect
from holter.supervisor.recording.scratch import LOCK_NAME, Scratch, new_scratch
from needs import needs

HOLTER = (sys.executable, "-m", "holter")
PATIENCE_S = 60.0


class World:
    """A temporary folder, Holters that use it, and what they started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        self.started: list[subprocess.Popen[bytes]] = []
        self.pids: list[int] = []

    def holter(self, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*before, *HOLTER, *arguments],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.tmp)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def run(self, name: str, seconds: float, **options) -> subprocess.Popen[bytes]:
        script = f"echo $$ > {name}.pid; exec sleep {seconds}"
        return self.holter("run", "-o", f"{name}.holter", "--", "sh", "-c", script, **options)

    def training_of(self, name: str) -> int:
        wait_until(lambda: (self.folder / f"{name}.pid").exists() and (self.folder / f"{name}.pid").read_text())
        self.pids.append(int((self.folder / f"{name}.pid").read_text()))
        return self.pids[-1]

    def scratches(self) -> set[str]:
        return {path.name for path in self.tmp.iterdir() if path.name.startswith("holter-")}

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
        for pid in self.pids:
            end(pid)


def end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or ") Z" in Path(f"/proc/{pid}/stat").read_text())


def wait_until(look: Callable[[], object]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < until_s, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def killed(world: World, name: str) -> tuple[int, str]:
    """A Holter that was killed while its training goes on: PID of the training, and the folder."""
    before = world.scratches()
    process = world.run(name, 300)
    training = world.training_of(name)
    process.kill()
    process.wait()
    (scratch,) = world.scratches() - before
    return training, scratch


@pytest.mark.slow
@pytest.mark.long
def test_the_next_run_removes_the_folder_when_the_training_is_over_as_well(world):
    training, left = killed(world, "first")
    process = world.run("second", 4)
    world.training_of("second")
    time.sleep(2)
    assert left in world.scratches(), "the training still writes there"
    assert process.wait(PATIENCE_S) == 0
    assert world.scratches() == {left}
    end(training)
    assert world.run("third", 2).wait(PATIENCE_S) == 0
    assert world.scratches() == set()


@pytest.mark.slow
@pytest.mark.long
def test_attach_takes_over_a_folder_that_was_left_and_removes_it_with_the_end(world):
    training, left = killed(world, "first")
    watching = world.holter("attach", str(training), "-o", "attached.holter")
    wait_until(lambda: (world.folder / "attached.holter").exists())
    assert world.run("second", 2).wait(PATIENCE_S) == 0
    assert world.scratches() == {left}, "attach made no folder of its own, and nobody removed this one"
    end(training)
    watching.wait(PATIENCE_S)
    assert world.scratches() == set()


@pytest.mark.slow
@pytest.mark.long
def test_what_a_killed_attach_and_a_killed_look_left_behind(world):
    training, left = killed(world, "first")
    shutil.rmtree(world.tmp / left)  # attach needs a folder of its own then
    for arguments, kind in (
        (("attach", str(training), "-o", "a.holter"), "holter-attach-"),
        (("diagnose", str(training)), "holter-look-"),
    ):
        process = world.holter(*arguments)
        wait_until(lambda kind=kind: any(name.startswith(kind) for name in world.scratches()))
        time.sleep(1.0)
        process.kill()
        process.wait()
    assert len(world.scratches()) == 2, "of attach, and of the look"
    assert world.run("second", 2).wait(PATIENCE_S) == 0
    assert world.scratches() == set()


@pytest.mark.slow
@pytest.mark.long
def test_several_at_once_leave_each_other_alone_and_remove_what_is_left(world):
    training, left = killed(world, "dead")
    end(training)
    runs = [world.run(f"run{number}", 5) for number in range(3)]
    for number in range(3):
        world.training_of(f"run{number}")
    wait_until(lambda: left not in world.scratches())
    assert len(world.scratches()) == 3
    assert [run.wait(PATIENCE_S) for run in runs] == [0, 0, 0]
    assert world.scratches() == set()


def test_the_hook_finds_its_folder_where_the_variable_is_hidden(world):
    """A title set by setproctitle overwrites what /proc shows of the environment; the page tells who lives."""
    scratch = made(world.tmp, here())
    program = (
        "import sys, time\nfrom holter.hook.runtime import HookRuntime\n"
        "hook = HookRuntime(); hook.scratch = sys.argv[1]\n"
        "hook.open('main', phase='startup'); time.sleep(300)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(scratch)])
    world.started.append(process)
    wait_until(lambda: (scratch / f"beat-{process.pid}").exists() and (scratch / f"beat-{process.pid}").stat().st_size)
    time.sleep(0.2)
    assert collect(world.tmp) == ()
    process.kill()
    process.wait()
    assert collect(world.tmp) == (scratch,)


@pytest.mark.slow
@pytest.mark.root
@needs("root", "unshare")
def test_what_runs_in_another_pid_namespace_is_none_of_our_business(world):
    process = world.run("inside", 300, before=("unshare", "-pf", "--mount-proc"))
    wait_until(lambda: (world.folder / "inside.pid").exists())
    time.sleep(1)
    (left,) = world.scratches()
    inside = next(iter(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))
    assert collect(world.tmp) == ()
    end(int(inside))  # PID 1 of that namespace: all of it ends
    process.wait(PATIENCE_S)
    assert world.run("second", 2).wait(PATIENCE_S) == 0
    assert world.scratches() == {left}, "from here nobody can see whether it is used"


# ------------------------------------------------------------------------------------ folders made by hand


def made(tmp: Path, place: str | None, name: str = "holter-abcdefgh", age_s: float = 0.0) -> Path:
    folder = tmp / name
    folder.mkdir(mode=0o700)
    lock = folder / LOCK_NAME
    if place is not None:
        lock.write_text(json.dumps({"place": place, "pid": 1}) if place else "")
        os.utime(lock, (time.time() - age_s,) * 2)
    (folder / "events-7.jsonl").write_text("")
    return folder


HOST, BOOT, SPACE = here().split(" ")


@pytest.mark.parametrize(
    ("place", "age_s", "goes"),
    [
        (here(), 0.0, True),
        (f"{HOST} {'0' * 36} {SPACE}", 2 * OTHER_BOOT_AFTER_S, True),
        (f"{HOST} {'0' * 36} {SPACE}", 60.0, False),
        (f"other-{HOST} {'0' * 36} {SPACE}", 2 * OTHER_BOOT_AFTER_S, False),
        (f"{HOST} {BOOT} pid:[1]", 2 * OTHER_BOOT_AFTER_S, False),
        ("", 2 * OTHER_BOOT_AFTER_S, False),
        (None, 2 * OTHER_BOOT_AFTER_S, False),
    ],
    ids=["here", "boot before", "fresh", "another host", "another namespace", "lock without a word", "no lock"],
)
def test_only_what_can_be_judged_goes(tmp_path, place, age_s, goes):
    folder = made(tmp_path, place, age_s=age_s)
    assert collect(tmp_path) == ((folder,) if goes else ())
    assert folder.exists() is not goes


def test_folders_with_a_like_name_of_others_and_links_stay(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("precious")
    link = tmp_path / "holter-linkedto"
    link.symlink_to(made(precious, here()))
    for name in ("holter-demo", "holter-abcdefgh.bak", "holter-attach-x"):
        made(tmp_path, here(), name)
    made(tmp_path, here(), "holter-readable").chmod(0o755)
    inside = made(tmp_path, here(), "holter-haslinks")
    (inside / "to").symlink_to(precious)
    assert collect(tmp_path) == (inside,)
    assert (precious / "file").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 6


def test_a_held_folder_stays_and_one_that_vanished_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scratch = new_scratch()
    assert collect(tmp_path) == ()
    scratch.close(keep=True)
    assert collect(tmp_path) == (scratch.folder,)
    again = Scratch(scratch.folder, owned=True)
    assert again.folder.is_dir()
    again.close()
    assert list(tmp_path.iterdir()) == []


def test_processes_are_looked_through_twice_however_many_folders_there_are(tmp_path, monkeypatch):
    folders = [made(tmp_path, here(), f"holter-abcdefg{letter}") for letter in "abcdefghij"]
    looks = []
    monkeypatch.setattr(leftovers, "list_numbers", lambda path: looks.append(path))
    assert sorted(collect(tmp_path)) == folders
    assert len(looks) == 2


@pytest.mark.slow
def test_a_folder_that_is_removed_again_and_again_is_not_waited_for(tmp_path, monkeypatch):
    made(tmp_path, here())
    real = os.open

    def removed_at_once(path, *how, **more):
        descriptor = real(path, *how, **more)
        if str(path).endswith(LOCK_NAME):
            Path(path).unlink()
        return descriptor

    monkeypatch.setattr(os, "open", removed_at_once)
    with pytest.raises(FolderNotWritable, match="again and again"):
        Scratch(tmp_path / "holter-abcdefgh", owned=True)
