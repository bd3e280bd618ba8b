"""A file server that is gone must not hold up a list of runs whose tapes are elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from holter.linux.disks import Disks
from holter.linux.mounts import mount_that_may_hang, parse_mountinfo
from holter.linux.place import here
from holter.tape.registry import Entry, new_file, write
from supervisor.hung_share import hung_share

TAPE = Path(__file__).parents[1] / "tapes" / "quiet" / "as_usual.holter"
WITHIN_S = 60.0  # the limit for a disk, and the start of Python on a busy machine
BROKE_OFF = Entry(
    tape="", host="node7", place=here(), pid=1, pid_started=1, began="2026-11-28T10:00:00+08:00",
    seen="2026-11-28T10:00:30+08:00",
)  # fmt: skip


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[Path]:
    """A mount with one tape, whose server does not answer any more."""
    with hung_share(tmp_path) as share:
        shutil.copy(TAPE, share.behind / "far.holter")
        share.hang()
        yield share.mount


def holter(*words: str, cwd: Path, state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holter", *words, "--lang", "en"]
    # The folder for temporary files holds a list of runs, too: of those that had no home.
    environ = {**os.environ, "XDG_STATE_HOME": str(state), "TMPDIR": str(cwd.parent), "COLUMNS": "200"}
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_the_others_are_listed_and_that_disk_is_named(tmp_path: Path, dead: Path) -> None:
    here_, state = tmp_path / "here", tmp_path / "state"
    here_.mkdir()
    (state / "holter" / "runs").mkdir(parents=True)
    shutil.copy(TAPE, here_ / "near.holter")
    for number, tape in enumerate((here_ / "near.holter", dead / "far.holter", dead / "gone.holter")):
        entry = msgspec.structs.replace(BROKE_OFF, tape=str(tape), folder=f"/results/fold_{number}", fold=str(number))
        write(new_file(state / "holter", "node7", number), entry)
    (row, *others) = sorted(
        json.loads(holter("list", "--json", cwd=here_, state=state).stdout)["runs"], key=lambda row: row["fold"]
    )
    assert (row["tape_is"], row["state"]) == ("there", "cut")
    assert [other["tape_is"] for other in others] == ["silent", "silent"]
    said = holter("list", cwd=here_, state=state).stdout
    assert f"the disk of the tape does not answer: {dead / 'far.holter'}" in said
    taken = holter("diagnose", cwd=here_, state=state)
    assert "no target given: the newest tape, near.holter" in taken.stderr
    assert holter("list", ".", cwd=here_, state=state).returncode == 0
    pruned = holter("prune", "--keep", "0", cwd=here_, state=state)
    assert pruned.returncode == 0 and "near.holter" in pruned.stdout and "far.holter" not in pruned.stdout


MOUNTS = """\
20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 0:40 / {root}/nfs rw - nfs4 server:/export rw
"""


def test_a_link_to_a_disk_that_may_hang_is_found_by_name(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.format(root=tmp_path))
    (tmp_path / "nfs").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "data").symlink_to(tmp_path / "nfs" / "me")
    (tmp_path / "home" / "again").symlink_to("data")
    (tmp_path / "home" / "circle").symlink_to("circle")
    disks, mounts = Disks(mountinfo=table), parse_mountinfo(table.read_text())
    for path in ("nfs/a.holter", "home/data/a.holter", "home/again/a.holter", "home/../home/data/a.holter"):
        mount = mount_that_may_hang(tmp_path / path, mounts)
        assert mount is not None and mount.fs_type == "nfs4", path
    for path in ("home/a.holter", "home/circle/a.holter", "gone/a.holter"):
        assert mount_that_may_hang(tmp_path / path, mounts) is None, path
        assert disks.answers(tmp_path / path)
