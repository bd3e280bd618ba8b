"""How much memory the groups of a process leave it: Holter's answer, and that of the hook's own copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from holter.hook import available_memory
from holter.linux.cgroups import available_bytes

GIB = 1 << 30
WORLDS = Path(__file__).parents[1] / "probes" / "worlds"
FREE = {
    "cgroup-v1": 34 * GIB,  # the job's limit, not the unlimited step's; with 2 GiB of page cache
    "cgroup-v2": 900 * GIB,  # no limit: the machine's
    "cgroup-v2-nested": 8 * GIB - 8_000_000_000 + (512 << 20),
    "container-v1": 1 * GIB,
    "container-v2": 3 * GIB,
}


def recorded(world: str, folder: Path) -> tuple[Path, Path]:
    """Return a recorded tree as the process 4711 itself sees it, on a machine with 900 GiB of free memory."""
    place = shutil.copytree(WORLDS / world, folder / "world")
    shutil.copy(place / "proc" / "4711" / "cgroup", place / "proc" / "self" / "cgroup")
    (place / "proc" / "meminfo").write_text(f"MemFree: 1 kB\nMemAvailable: {900 << 20} kB\n")
    return place / "proc", place / "cgroup"


@pytest.mark.parametrize("world", FREE)
def test_the_tightest_group_above_decides_and_the_hook_agrees(world: str, tmp_path: Path) -> None:
    tree = recorded(world, tmp_path)
    assert available_bytes(*tree) == FREE[world]
    assert available_memory.available_bytes(*tree) == FREE[world]


def test_every_recorded_tree_with_groups_is_compared() -> None:
    assert {path.parent.name for path in WORLDS.glob("*/cgroup")} == set(FREE)


def test_a_group_without_a_limit_says_nothing_of_the_machine(tmp_path: Path) -> None:
    for world in ("cgroup-v1", "cgroup-v2"):
        proc, groups = recorded(world, tmp_path / world)
        (proc / "meminfo").unlink()
        job = groups / "memory/slurm/uid_1000/job_7/memory.limit_in_bytes"
        if job.exists():
            job.write_text(f"{(1 << 63) - 4096}\n")
        assert available_bytes(proc, groups) is None
        assert available_memory.available_bytes(proc, groups) is None


def test_where_nothing_can_be_read_nothing_is_known(tmp_path: Path) -> None:
    assert available_bytes(tmp_path, tmp_path) is None
    assert available_memory.available_bytes(tmp_path, tmp_path) is None


def test_the_hook_agrees_on_this_machine() -> None:
    ours, hooks = available_bytes(), available_memory.available_bytes()
    assert ours is not None and hooks is not None
    assert abs(ours - hooks) < GIB  # other programs allocate between the two
