"""Where a group with a CPU limit is looked for, told from recorded trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.demo.faults.cpu_group import make_group

V2_MOUNT = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V1_MOUNT = "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"


def _machine(tmp_path: Path, membership: str, mounts: str) -> tuple[Path, Path]:
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    root.mkdir()
    (proc / "self" / "cgroup").write_text(membership)
    (proc / "self" / "mountinfo").write_text(mounts)
    return proc, root


def test_in_version_2_the_group_becomes_a_brother_where_the_controller_is_handed_down(tmp_path: Path) -> None:
    proc, root = _machine(tmp_path, "0::/user.slice/term.scope\n", V2_MOUNT)
    (root / "user.slice" / "term.scope").mkdir(parents=True)
    (root / "user.slice" / "term.scope" / "cgroup.subtree_control").write_text("memory pids\n")
    (root / "user.slice" / "cgroup.subtree_control").write_text("cpu memory pids\n")
    group = make_group("ours", proc, root)
    assert group is not None
    assert group.folder == root / "user.slice" / "ours"
    group.limit(0.25)
    assert (group.folder / "cpu.max").read_text() == "25000 100000"
    group.limit(None)
    assert (group.folder / "cpu.max").read_text() == "max 100000"


def test_in_version_1_the_group_lies_below_our_own(tmp_path: Path) -> None:
    proc, root = _machine(tmp_path, "2:cpu:/batch\n0::/\n", V2_MOUNT + V1_MOUNT)
    (root / "cpu" / "batch").mkdir(parents=True)
    group = make_group("ours", proc, root)
    assert group is not None
    group.limit(0.25)
    assert group.folder == root / "cpu" / "batch" / "ours"
    assert (group.folder / "cpu.cfs_quota_us").read_text() == "25000"


@pytest.mark.parametrize("controllers", ["", "memory pids\n"])
def test_without_the_cpu_controller_there_is_no_group(tmp_path: Path, controllers: str) -> None:
    proc, root = _machine(tmp_path, "0::/\n", V2_MOUNT)
    (root / "cgroup.subtree_control").write_text(controllers)
    assert make_group("ours", proc, root) is None
