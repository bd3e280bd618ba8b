"""The file system of a path, by the kernel's list alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import holter
from holter.linux.mounts import is_remote, mount_of, mount_of_file, parse_mountinfo


def test_the_longest_and_latest_mount_point_holds_a_path_and_octal_names_are_read() -> None:
    mounts = parse_mountinfo(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "2 1 0:9 / /data rw shared:1 - ext4 /dev/sdb1 rw\n"
        "3 1 0:50 /export /data rw - nfs4 server:/export rw,vers=4.2\n"
        "4 1 0:51 / /da\\040ta rw - xfs /dev/sdc rw\n"
    )
    found = {path: mount_of(path, mounts) for path in ("/data/set/a.b2nd", "/database", "/da ta/x", "/data")}
    assert {path: mount.fs_type for path, mount in found.items() if mount} == {
        "/data/set/a.b2nd": "nfs4",
        "/database": "ext4",
        "/da ta/x": "xfs",
        "/data": "nfs4",
    }
    assert [mount.may_hang for mount in mounts] == [False, False, True, False]


def test_a_file_is_found_by_its_name_and_a_link_by_its_target(tmp_path: Path) -> None:
    info = tmp_path / "mountinfo"
    info.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        "3 1 0:2 / /data rw - nfs4 server:/x rw\n"
        "4 1 0:3 / /data/my\\040set rw - fuse.sshfs me rw\n"
    )
    (tmp_path / "far").symlink_to("/data/a")
    (tmp_path / "near").symlink_to("/data/../database")
    names = ("/data/a", "/data/my set/a", "/database", tmp_path / "far", tmp_path / "near")
    found = [mount_of_file(Path(name), info) for name in names]
    assert [mount.fs_type for mount in found if mount] == ["nfs4", "fuse.sshfs", "ext4", "nfs4", "ext4"]
    assert mount_of_file(Path("/x"), tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("fs_type", "may_hang"),
    [
        *((name, True) for name in ("nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "glusterfs")),
        *((name, True) for name in ("afs", "9p", "virtiofs", "orangefs", "panfs", "wekafs", "fuse.sshfs", "autofs")),
        ("drvfs", True),
        *((name, False) for name in ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "squashfs", "f2fs", "ramfs")),
    ],
)
def test_only_a_file_system_over_a_network_or_a_program_may_hang(fs_type: str, may_hang: bool) -> None:
    (mount,) = parse_mountinfo(f"1 0 0:9 / / rw - {fs_type} x rw\n")
    assert mount.may_hang is may_hang
    assert is_remote(fs_type) is may_hang


def test_only_this_module_lists_the_network_file_systems() -> None:
    source = Path(holter.__file__).parent
    listing = [file for file in source.rglob("*.py") if re.search("beegfs|gluster", file.read_text(encoding="utf-8"))]
    assert listing == [source / "linux/mounts.py"]
