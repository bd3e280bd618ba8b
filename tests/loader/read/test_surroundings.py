"""Memory that may be used, and what is kept in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holter.loader.read.ram import LEAST_FREE_BYTES, KeptCase, RamCache, ram_budget_bytes

GIB = 1 << 30
MOUNTS = """\
30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
32 29 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""


def machine(root: Path, groups: str, **files: str) -> Path:
    for name, text in {
        "proc/meminfo": "MemFree: 1 kB\nMemAvailable: 8388608 kB\n",
        "proc/self/cgroup": groups,
        "proc/self/mountinfo": MOUNTS,
        **files,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_a_group_the_machine_decides(tmp_path: Path) -> None:
    assert ram_budget_bytes(0.5, machine(tmp_path, "0::/\n")) == 4 * GIB


def test_the_tightest_group_above_decides_and_its_page_cache_counts_as_free(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/slurm/memory.max": str(4 * GIB),
        "sys/fs/cgroup/slurm/memory.current": str(3 * GIB),
        "sys/fs/cgroup/slurm/memory.stat": f"anon 5\ninactive_file {GIB}\n",
        "sys/fs/cgroup/slurm/job/memory.max": "max",
        "sys/fs/cgroup/slurm/job/memory.current": str(3 * GIB),
    }
    assert ram_budget_bytes(1.0, machine(tmp_path, "0::/slurm/job\n", **files)) == 2 * GIB


def test_cgroup_version_1_is_read_too(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": str(3 * GIB),
        "sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": str(GIB),
        "sys/fs/cgroup/memory/memory.limit_in_bytes": str((1 << 63) - 4096),
        "sys/fs/cgroup/memory/memory.usage_in_bytes": str(GIB),
    }
    assert ram_budget_bytes(1.0, machine(tmp_path, "5:memory:/docker/x\n3:cpu:/y\n", **files)) == 2 * GIB


def test_where_nothing_is_known_nothing_is_kept(tmp_path: Path) -> None:
    assert ram_budget_bytes(0.5, tmp_path) == 0


# --- the cache --------------------------------------------------------------------------------------------------


def case(value: float = 1.0, size: int = 100) -> KeptCase:
    return KeptCase(np.full((1, size), value, np.float32), np.zeros((1, size), np.int8), None)


def test_a_case_is_kept_at_the_second_look_and_only_while_there_is_room() -> None:
    cache = RamCache(1000)
    assert not cache.reserve("a", 500)
    assert cache.reserve("a", 500)
    assert not cache.reserve("a", 500)  # somebody reads it already
    cache.keep("a", case())
    assert cache.get("a") is not None
    cache.reserve("b", 501)
    assert not cache.reserve("b", 501)
    assert cache.used_bytes == 500


def test_a_read_that_failed_gives_its_room_back() -> None:
    cache = RamCache(1000)
    cache.reserve("a", 500)
    assert cache.reserve("a", 500)
    cache.give_up("a")
    assert cache.used_bytes == 0


@pytest.mark.parametrize(("value", "dtype", "used"), [(1.0, "float16", 300), (1e6, "float32", 500)])
def test_float16_halves_images_that_fit_into_it(value: float, dtype: str, used: int) -> None:
    cache = RamCache(1000, as_float16=True)
    cache.reserve("a", 500)
    cache.reserve("a", 500)
    kept = cache.keep("a", case(value))
    assert (kept.image.dtype, cache.used_bytes) == (np.dtype(dtype), used)
    cache.drop("a")
    assert (cache.get("a"), cache.used_bytes) == (None, 0)


def test_no_case_is_kept_where_little_memory_is_free_and_nobody_asks_again() -> None:
    asked: list[int] = []

    def free() -> int:
        asked.append(1)
        return LEAST_FREE_BYTES + 800

    cache = RamCache(10_000, free=free)
    for name in ("a", "b", "c"):
        cache.reserve(name, 600)
    assert cache.reserve("a", 600)
    assert not cache.reserve("b", 900)
    assert not cache.reserve("c", 600)  # what is free may have changed, but the budget ends here
    assert len(asked) == 2
    assert cache.used_bytes == 600
