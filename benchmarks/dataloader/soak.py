"""One long training whose workers are killed or stopped again and again; what its process holds is printed in between.

Arguments: the number of replacements after which it ends, and the number allowed. A round is one loader with two
epochs. Its settings change from round to round; one line of JSON is printed when its loader is gone. A fault comes up
to 20 ms after a batch, and the next one only when the workers have been replaced.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from benchmarks.dataloader.trials import BATCH, Slices, allow, collate, digest, expected, hurt, replacements

EPOCHS, WORKERS, PREFETCH = 2, 2, 2
FAULTS_AFTER = (2, 10, 18)  # batches of an epoch; a replacement is due before the next fault
SOON_S = 0.02
CLEARED_WITHIN_S = 2.0  # PyTorch's manager removes the files of a worker that was killed, a moment later
SHM = Path("/dev/shm")
DELETED = " (deleted)"


def main() -> None:
    """Run rounds until there were enough replacements."""
    count, allowed = (int(word) for word in sys.argv[1:3])
    allow(allowed)
    right = {big: expected(big=big) for big in (False, True)}
    pids: set[int] = {os.getpid()}
    number, heals = 0, 0
    while heals < count:
        wrong = play(number, right[number % 3 == 2], pids)
        number, before, heals = number + 1, heals, replacements()
        if heals == before:
            raise SystemExit(f"no replacement in round {number}: {os.environ.get('HOLTER_SCRATCH')}")
        print(json.dumps({"heals": heals, "wrong": wrong, **held(pids)}), flush=True)


def play(number: int, right: list[tuple[list[int], str]], pids: set[int]) -> int:
    """Train one round; return the number of batches that were not the right ones. The PIDs of all workers are added."""
    torch.multiprocessing.set_sharing_strategy("file_system" if number % 2 else "file_descriptor")
    drawn = random.Random(number)
    loader = DataLoader(
        Slices(big=number % 3 == 2), BATCH, num_workers=WORKERS, prefetch_factor=PREFETCH, collate_fn=collate,
        persistent_workers=number % 4 < 2,
    )  # fmt: skip
    wrong = 0
    for _ in range(EPOCHS):
        iterator, batches = iter(loader), []
        for images, indices in iterator:
            batches.append((indices, digest(images)))
            pids.update(worker.pid for worker in iterator._workers)
            if len(batches) in FAULTS_AFTER:
                how = drawn.choice(("kill", "stop"))
                soon = threading.Timer(drawn.uniform(0, SOON_S), hurt, (iterator, drawn.randrange(WORKERS), how))
                soon.start()
                soon.join()
        wrong += sum(a != b for a, b in zip(batches, right, strict=False)) + abs(len(batches) - len(right))
        del iterator
    return wrong


def held(pids: set[int]) -> dict[str, Any]:
    """Return what this process holds now; ``pids``: every process that may have made a file in /dev/shm for it."""
    me = Path("/proc/self")
    end = time.monotonic() + CLEARED_WITHIN_S
    while (named := _named(pids)) and time.monotonic() < end:
        time.sleep(0.05)
    status = dict(line.split(":", 1) for line in (me / "status").read_text().splitlines())
    descriptors = list((me / "fd").iterdir())
    return {
        "memory_mb": int(status["RssAnon"].split()[0]) / 1024,
        "shm_mb": (named + sum(map(_unnamed, descriptors))) / 2**20,
        "descriptors": len(descriptors),
        "threads": int(status["Threads"]),
        "maps": len((me / "maps").read_text().splitlines()),
        "children": sum(map(_children, (me / "task").iterdir())),
        "s": time.monotonic(),
    }


def _children(task: Path) -> int:
    """Return the number of child processes that a thread has, with those that nobody has waited for."""
    try:
        return len((task / "children").read_text().split())
    except OSError:
        return 0  # the thread has just ended


def _named(pids: set[int]) -> int:
    """Return the size of the files that these processes made in /dev/shm."""
    total = 0
    for file in SHM.glob("torch_*"):
        found = re.match(r"torch_(\d+)_", file.name)
        if found and int(found[1]) in pids:
            with contextlib.suppress(FileNotFoundError):
                total += file.stat().st_size
    return total


def _unnamed(descriptor: Path) -> int:
    """Return the size of a file of /dev/shm that only descriptors keep; 0 for all others."""
    try:
        name = os.readlink(descriptor)  # noqa: PTH115 - of a file that is gone
        return os.stat(descriptor).st_size if name.startswith(str(SHM)) and name.endswith(DELETED) else 0  # noqa: PTH116
    except OSError:
        return 0


if __name__ == "__main__":
    main()
