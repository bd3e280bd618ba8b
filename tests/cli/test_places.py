"""Where people start it: limits, full disks, vanished folders, no terminal, PID 1. The exit code is the training's."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.records import Noted
from holter.tape import read
from needs import needs

HOLTER = (sys.executable, "-m", "holter")
CODE = 5
TRAINING = ("sh", "-c", f"sleep 3; exit {CODE}")
needs_root = needs("root")


def run(*arguments: str, cwd: Path, before: tuple[str, ...] = (), **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, *HOLTER, "run", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.fixture
def small(tmp_path: Path):
    """A disk of 512 kB that is full but for a file that can be removed."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("this container may not mount a tmpfs")
    with pytest.raises(OSError, match="No space"), (folder / "filling").open("wb") as file:
        while True:
            file.write(b"." * 4096)
            file.flush()
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
@needs_root
def test_a_disk_that_is_full_from_the_start_costs_the_tape_alone(tmp_path, small):
    done = run("-o", str(small / "t.holter"), "--", *TRAINING, cwd=tmp_path)
    assert done.returncode == CODE
    assert "the tape cannot be written" in done.stderr and "is full" in done.stderr
    assert "cannot be read now" in done.stderr and "wrote" not in done.stderr
    assert [path.name for path in small.iterdir()] == ["filling"], "nothing is left that is no tape"


@pytest.mark.long
@pytest.mark.root
@needs_root
@pytest.mark.parametrize("command", ["report", "export"])
def test_a_tape_on_a_read_only_disk_is_read_and_its_page_has_another_place(tmp_path, command):
    folder, kept = tmp_path / "read-only", Path(__file__).parents[1] / "tapes" / "frozen_worker" / "fault.holter"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("this container may not mount a tmpfs")
    try:
        shutil.copy(kept, folder / "t.holter")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        words = [*HOLTER, command, str(folder / "t.holter")]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2
        assert "holter: folder-not-writable: Cannot " in done.stderr and "Read-only file system" in done.stderr
        assert done.stderr.endswith("Next: Name a place that you can write to.\n")
        other = [*words, "-o", str(tmp_path / "elsewhere")]
        assert subprocess.run(other, cwd=tmp_path, capture_output=True, timeout=120, check=False).returncode == 0
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
@needs_root
def test_a_tape_begins_when_there_is_room(tmp_path, small, start):
    process = start("run", "-o", str(small / "t.holter"), "--", "sh", "-c", f"sleep 22; exit {CODE}")
    time.sleep(4)
    (small / "filling").unlink()
    assert process.wait(90) == CODE
    recording = read(small / "t.holter")
    assert recording.finished
    assert recording.environment.command[0] == "sh"
    assert "tape-gap" in [note.what for note in recording.events(Noted)]
    assert b"can be written again" in process.stderr.read()


@pytest.mark.root
@needs_root
def test_a_temporary_folder_that_is_full(tmp_path, small):
    done = run("-o", "t.holter", "--", *TRAINING, cwd=tmp_path, env={**os.environ, "TMPDIR": str(small)})
    assert done.returncode == CODE
    assert read(tmp_path / "t.holter").finished


def test_a_limit_on_the_size_of_files_costs_the_tape_alone(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    done = run("-o", "t.holter", "--", *TRAINING, cwd=tmp_path, preexec_fn=limit)
    assert done.returncode == CODE
    assert "the tape cannot be written" in done.stderr and "cannot be read now" in done.stderr


@pytest.mark.parametrize("descriptors", [10, 16])
def test_few_descriptors(tmp_path, descriptors):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    done = run("-o", "t.holter", "--", *TRAINING, cwd=tmp_path, preexec_fn=limit)
    assert done.returncode == CODE
    assert read(tmp_path / "t.holter").finished


def test_a_command_that_the_system_refuses_to_start_is_not_called_missing(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))

    done = run("-o", "t.holter", "--", *TRAINING, cwd=tmp_path, preexec_fn=limit)
    assert done.returncode == 2
    assert "command-not-started: Cannot start sh: Too many open files" in done.stderr
    assert not (tmp_path / "t.holter").exists()


def test_folders_that_vanish_meanwhile(tmp_path, start):
    (tmp_path / "tmp").mkdir()
    variables = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    process = start("run", "-o", "tapes/t.holter", "--", "sh", "-c", f"sleep 5; exit {CODE}", env=variables)
    while not (tmp_path / "tapes" / "t.holter").exists():
        time.sleep(0.05)
    time.sleep(2)
    shutil.rmtree(tmp_path / "tapes")
    shutil.rmtree(tmp_path / "tmp")
    assert process.wait(60) == CODE
    said = process.stderr.read().decode()
    assert "cannot be read now" in said and "tapes/t.holter" in said and "wrote" not in said


@needs_root
@pytest.mark.root
def test_a_device_is_never_replaced_by_a_tape(tmp_path):
    device = tmp_path / "null"
    if subprocess.run(["mknod", str(device), "c", "1", "3"], check=False).returncode:
        pytest.skip("this container may not make devices")
    done = run("--force", "-o", str(device), "--", "true", cwd=tmp_path)
    assert done.returncode == 2 and "file-exists" in done.stderr
    assert device.is_char_device()


def test_a_script_without_a_first_line_is_run_by_a_shell_as_everywhere(tmp_path):
    script = tmp_path / "train"
    script.write_text(f"echo $1 $HOLTER_GENERATION\nexit {CODE}\n")
    script.chmod(0o755)
    done = run("-q", "-o", "t.holter", "--", "./train", "one", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (CODE, "one 0\n")


def test_as_a_scheduler_starts_it_without_home_terminal_and_variables(tmp_path):
    program = f"import sys; sys.path[:0] = {sys.path!r}; from holter.cli import main; main()"
    command = ["env", "-i", "nohup", "setsid", "--wait", sys.executable, "-c", program, "run", "-o", "t.holter", "--"]
    done = subprocess.run(
        [*command, "/bin/sh", "-c", f"sleep 2; exit {CODE}"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == CODE, done.stderr
    assert read(tmp_path / "t.holter").finished


def test_in_a_folder_that_has_been_removed(tmp_path):
    (tmp_path / "gone").mkdir()
    tape = tmp_path / "t.holter"
    script = f"rmdir ../gone; exec {' '.join(HOLTER)} run -o {tape} -- sh -c 'exit {CODE}'"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path / "gone", capture_output=True, timeout=120, check=False)
    assert done.returncode == CODE, done.stderr
    assert read(tape).finished


# ----------------------------------------------------------------------------------------------- as PID 1

NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc")
ORPHANS = f"""
import os, subprocess, time
for _ in range(5):
    subprocess.run(["sh", "-c", "sleep 0.2 & exit 0"])
def zombies():
    stats = [open(f"/proc/{{pid}}/stat").read() for pid in os.listdir("/proc") if pid.isdigit()]
    return sum(") Z 1 " in stat for stat in stats)
time.sleep(1.5)
before = zombies()
until = time.monotonic() + 40
while zombies() and time.monotonic() < until:
    time.sleep(0.2)
print(before, zombies())
os._exit({CODE})
"""


@pytest.mark.root
@needs_root
@pytest.mark.long
def test_as_pid_1_it_collects_what_nobody_else_can(tmp_path):
    """PID 1 of a container is Holter where it is the container's command."""
    done = run("-o", "t.holter", "--", sys.executable, "-c", ORPHANS, cwd=tmp_path, before=NAMESPACE)
    before, after = map(int, done.stdout.split())  # a child of ours may just have ended, too
    assert (done.returncode, before >= 5, after) == (CODE, True, 0), done.stderr


@pytest.mark.root
@needs_root
@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("KILL", 137)])
def test_as_pid_1_it_ends_with_the_code_for_the_signal(tmp_path, name, code):
    """The kernel sends PID 1 no signal that it has no handler for, so it cannot end by one."""
    done = run("-o", "t.holter", "--", "sh", "-c", f"kill -{name} $$", cwd=tmp_path, before=NAMESPACE)
    assert done.returncode == code
    assert read(tmp_path / "t.holter").finished
