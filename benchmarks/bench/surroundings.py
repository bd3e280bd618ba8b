"""Where a scene trains: organs with many labels, a limit on the processor time, a slow disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import organs
from benchmarks.faults.tools.bad_folder import BadFolder
from holter.demo.faults.cpu_group import CpuGroup, make_group

CASES = 8
SHAPE = (96, 96, 96)


def write_organs(data: Path, folder_name: str, patch: tuple[int, ...], labels: int) -> None:
    """Replace the cases of the dataset in ``data`` by generated ones with ``labels`` labels and the background."""
    shutil.rmtree(data / folder_name)
    organs.write_scene(data / folder_name, organs.Scene("", patch, 2, labels + 1, SHAPE, cases=CASES))
    described = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **{f"organ {number}": number for number in range(1, labels + 1)}},
        "numTraining": CASES,
        "file_ending": ".nii.gz",
    }
    (data / "dataset.json").write_text(json.dumps(described))
    names = [f"case_{number:03d}" for number in range(CASES)]
    (data / "splits_final.json").write_text(json.dumps([{"train": names[2:], "val": names[:2]}]))


@contextmanager
def slow_disk(folder: Path, source: Path, delay_s: float) -> Iterator[Path]:
    """Yield a view of ``source`` in which each read of image data takes ``delay_s`` seconds longer."""
    disk = BadFolder(folder, source, "slow-reads", delay_s)
    disk.mount()
    disk.set_bad(True)
    try:
        yield disk.mounted
    finally:
        disk.unmount()


@contextmanager
def quota(cpus: float | None) -> Iterator[CpuGroup | None]:
    """Yield a control group that may use so much processor time, as a container's; None without a limit.

    Raises:  SystemExit if no group can be made here.
    """
    if cpus is None:
        yield None
        return
    group = make_group(f"holter-bench-{os.getpid()}")
    if group is None:
        raise SystemExit("no control group with a limit can be made here: leave out this scene with --only")
    group.limit(cpus)
    try:
        yield group
    finally:
        group.remove()
