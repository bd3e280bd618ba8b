"""One of several processes that train together over gloo: takes a batch, then waits for the others. Run by tests."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from torch import distributed
from toy_training import Toy


def main(rank: int, ranks: int, meeting: Path, go_on: Path, fault: Path) -> None:
    """Train for as long as a file exists; the workers of the last rank hang while the other file does."""
    parent = os.getppid()
    toy = Toy(None, fault=fault if rank == ranks - 1 else None)
    batches = NonDetMultiThreadedAugmenter(toy, None, 1, 2, None, False, 0.002)
    next(batches)
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=ranks)
    while go_on.exists() and os.getppid() == parent:
        next(batches)
        distributed.all_reduce(torch.ones(1))
        time.sleep(0.01)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *map(Path, sys.argv[3:6]))
