"""A tape that nobody named: it never refuses because of its name, and two never share a file."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.errors import FolderNotWritable, TapeExists
from holter.reports.catalogue import phrase
from holter.supervisor.recording.tape_place import about_command, default_tape
from holter.supervisor.state_folder import make_private
from holter.tape import read
from needs import needs

HOLTER = (sys.executable, "-m", "holter")
HOST = re.sub(r"[^A-Za-z0-9_.]+", "_", socket.gethostname().partition(".")[0])
NAME = re.compile(rf"true-{HOST}-\d{{8}}-\d{{6}}-\d+(-\d+)?\.holter")


def holter(*arguments: str, cwd: Path | str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in {**os.environ, **variables}.items() if value is not None}
    return subprocess.run([*HOLTER, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, env=environment)


@pytest.mark.parametrize(
    ("command", "about"),
    [
        (("nnUNetv2_train", "4", "3d_fullres", "0"), "Dataset004-3d_fullres-fold0"),
        (("nnUNetv2_train", "Dataset004_Hippocampus", "2d", "all", "--npz"), "Dataset004-2d-foldall"),
        (("python", "-m", "holter.trainer.shortened", "801", "3d_fullres", "3"), "Dataset801-3d_fullres-fold3"),
        (("uv", "run", "nnUNetv2_train", "12", "3d_lowres", "1", "-p", "X"), "Dataset012-3d_lowres-fold1"),
        (("bash", "-c", "source env && nnUNetv2_train 4 3d_fullres 2; date"), "Dataset004-3d_fullres-fold2"),
        (("bash", "-c", "for f in 0 1; do nnUNetv2_train 4 2d $f; done"), "bash"),
        (("bash", "-c", "echo 'unbalanced"), "bash"),
        (("python3", "-u", "-X", "faulthandler", "/home/me/my train.py", "--x"), "my_train"),
        (("/opt/env/bin/python3.11", "-m", "pkg.train"), "pkg.train"),
        (("python", "-c", "import this"), "python"),
        (("/usr/bin/torchrun", "a.py"), "torchrun"),
        (("训练",), "training"),
        (("/",), "training"),
        (("..",), "training"),
        (("-rf",), "rf"),
        (("x" * 300,), "x" * 40),
        (("nnUNetv2_train", "../../etc", "3d\n", "a/b"), "etc-3d-folda_b"),
        (("nnUNetv2_train", "\udcff", "\udcff", "\udcff"), "fold"),
    ],
)
def test_the_name_says_which_training_it_is_and_no_file_system_refuses_it(command, about, tmp_path):
    assert about_command(command) == about
    name = default_tape(about_command(command), os.environ).name
    (tmp_path / f"{name}-journal").touch()
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]+", name)


@needs("root")
def test_a_state_folder_of_somebody_else_is_told_in_both_languages(tmp_path):
    theirs = tmp_path / "holter"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    with pytest.raises(FolderNotWritable) as refusal:
        make_private(theirs)
    assert phrase(refusal.value.what, "en") == f"{theirs} belongs to somebody else."
    assert phrase(refusal.value.what, "zh") == f"{theirs} 属于别人。"


@pytest.mark.slow
def test_many_started_in_the_same_second_have_a_tape_each(tmp_path):
    many = [subprocess.Popen([*HOLTER, "run", "-q", "--", "true"], cwd=tmp_path) for _ in range(4)]
    assert [process.wait(120) for process in many] == [0] * 4
    tapes = sorted(tmp_path.glob("*"))
    assert len(tapes) == 4
    assert all(NAME.fullmatch(tape.name) and read(tape).finished for tape in tapes)
    assert all(tape.stat().st_mode & 0o777 == 0o600 for tape in tapes)


SAME_NAME = """
import sys, time
from pathlib import Path
from holter.supervisor.recording.tape_place import DefaultTape, open_tape
from holter.records import Noted
time.sleep(max(0.0, float(sys.argv[1]) - time.time()))
writer = open_tape(DefaultTape("t-host-20260101-000000-7.holter", (Path(),)), force=False, say=print)
writer.write_events([Noted(t_s=0.0, what="mine", text=sys.argv[2])])
writer.close(1.0)
"""


@pytest.mark.slow
def test_processes_of_the_same_name_time_and_pid_never_write_one_file(tmp_path):
    """Two hosts of one name on a shared folder; containers, in each of which Holter is PID 7."""
    at = str(time.time() + 3)
    many = [subprocess.Popen([sys.executable, "-c", SAME_NAME, at, str(n)], cwd=tmp_path) for n in range(8)]
    assert [process.wait(60) for process in many] == [0] * 8
    names = ["t-host-20260101-000000-7.holter", *(f"t-host-20260101-000000-7-{n}.holter" for n in range(2, 9))]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)
    written = [[event.text for event in read(tmp_path / name).events()] for name in names]
    assert sorted(written) == [[str(n)] for n in range(8)]


@pytest.mark.slow
@pytest.mark.root
@needs("root", "unshare")
def test_containers_in_which_every_pid_is_the_same_have_a_tape_each(tmp_path):
    command = ["unshare", "--pid", "--fork", "--mount-proc", *HOLTER, "run", "-q", "--", "true"]
    many = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=60)[1] for process in many]
    if any("unshare:" in text for text in told):
        pytest.skip(told[0])
    assert [process.returncode for process in many] == [0] * 3, told
    tapes = sorted(tmp_path.glob("*"))
    assert len(tapes) == 3
    assert all(read(tape).finished for tape in tapes)


@pytest.mark.slow
def test_the_users_own_name_is_refused_where_it_is_taken(tmp_path):
    (tmp_path / "t.holter").write_text("mine")
    done = holter("run", "-o", "t.holter", "--", "true", cwd=tmp_path)
    assert done.returncode == 2
    assert "file-exists" in done.stderr
    assert (tmp_path / "t.holter").read_text() == "mine"


def test_of_two_that_want_one_name_of_the_users_at_once_one_is_refused(tmp_path):
    program = "import sys; from pathlib import Path; from holter.tape import TapeWriter; TapeWriter(Path('t')).close(1)"
    many = [
        subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = [process.communicate(timeout=60)[1] for process in many]
    assert sorted(process.returncode for process in many) == [0, 1, 1, 1], told
    assert sum(TapeExists.__name__ in text for text in told) == 3


# Where a file cannot be made, whoever asks.
NOWHERE = "/proc"


@pytest.mark.slow
def test_a_current_folder_that_cannot_be_written_to_is_said_and_the_state_folder_taken(tmp_path):
    done = holter("run", "--", "true", cwd=NOWHERE, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (tape,) = (tmp_path / "holter").glob("*.holter")
    assert NAME.fullmatch(tape.name) and read(tape).finished
    assert done.stderr.count("the current folder cannot be written to (") == 1
    assert f"the tape goes to {tmp_path}/holter\n" in done.stderr
    assert f"wrote {tape}\n" in done.stderr
    assert (tmp_path / "holter").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_it_is_said_in_chinese_too(tmp_path):
    done = holter("run", "--lang", "zh", "--", "true", cwd=NOWHERE, XDG_STATE_HOME=str(tmp_path))
    assert f"记录文件改存到 {tmp_path}/holter" in done.stderr


@pytest.mark.slow
@pytest.mark.long
def test_without_a_home_the_tape_goes_to_the_temporary_folder(tmp_path):
    home = tmp_path / "home"
    for variables in ({"HOME": None}, {"HOME": NOWHERE}, {"HOME": str(home), "XDG_STATE_HOME": "relative"}):
        temporary = tmp_path / str(variables["HOME"]).replace("/", "_")
        temporary.mkdir()
        variables = {"XDG_STATE_HOME": None, "TMPDIR": str(temporary), **variables}
        done = holter("run", "--", "true", cwd=NOWHERE, **variables)
        assert done.returncode == 0, done.stderr
        (tape,) = temporary.rglob("*.holter")
        assert tape.parent.name == f"state-of-holter-{os.getuid()}" and read(tape).finished
    assert not home.exists()  # it may only not be mounted


@pytest.mark.slow
def test_a_folder_of_that_name_that_is_a_strangers_is_not_used(tmp_path):
    (tmp_path / f"state-of-holter-{os.getuid()}").symlink_to("/usr")
    if os.geteuid() == 0:
        os.lchown(tmp_path / f"state-of-holter-{os.getuid()}", 12345, 12345)
    variables = {"HOME": None, "XDG_STATE_HOME": None, "TMPDIR": str(tmp_path)}
    done = holter("run", "--", "echo", "started", cwd=NOWHERE, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert "folder-not-writable" in done.stderr and "No training was started" in done.stderr
    assert [*Path("/usr").glob("*.holter")] == []


@pytest.mark.slow
def test_a_current_folder_that_was_deleted_is_no_reason_to_refuse(tmp_path):
    (tmp_path / "gone").mkdir()
    command = f'cd gone && rmdir ../gone && exec "{sys.executable}" -m holter run -- true'
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len([*(tmp_path / "state" / "holter").glob("*.holter")]) == 1


@pytest.mark.slow
@pytest.mark.root
@needs("root")
def test_a_full_disk_takes_no_half_made_tape_and_the_next_folder_is_used(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("this container may not mount a tmpfs")
    try:
        (small / "full").write_bytes(bytes(60_000))
        done = holter("run", "--", "true", cwd=small, XDG_STATE_HOME=str(tmp_path / "state"))
        assert done.returncode == 0, done.stderr
        assert [file.name for file in small.iterdir()] == ["full"]
        assert len([*(tmp_path / "state" / "holter").glob("*.holter")]) == 1
    finally:
        subprocess.run(["umount", str(small)], check=False)
