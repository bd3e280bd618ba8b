"""A training loop with PyTorch's own DataLoader and workers; ``lock``: the loop ends up waiting for a lock.

``epochs``: several epochs, each with new workers (persistent_workers=False, the default of PyTorch). ``rank``
trains as one process of a group (gloo), as torchrun starts it; ``accelerate`` as its launcher does.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time

import torch
from torch.utils.data import DataLoader, Dataset

STEPS, EPOCHS = 750, 15  # steps of a tenth of a second; ``epochs``: the same total
BATCH = 16
BREAKS_S = 68.0  # after its start, if it breaks by itself


class Random(Dataset):  # type: ignore[misc]
    """A data set of random numbers."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return BATCH * self.batches

    def __getitem__(self, place: int) -> torch.Tensor:
        time.sleep(0.005)
        return torch.randn(32)


def main(how: frozenset[str]) -> None:
    """Train, or break."""
    torch.set_num_threads(1)
    began_s = time.monotonic()
    model: torch.nn.Module = torch.nn.Linear(32, 1)
    epochs = EPOCHS if "epochs" in how else 1
    loader = DataLoader(Random(STEPS // epochs), batch_size=BATCH, num_workers=2)
    if "rank" in how:
        torch.distributed.init_process_group("gloo")
        model = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    if "accelerate" in how:
        from accelerate import Accelerator

        model, optimizer, loader = Accelerator(cpu=True).prepare(model, optimizer, loader)
    for step, batch in enumerate(itertools.chain.from_iterable(loader for _ in range(epochs))):
        loss = model(batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        time.sleep(0.09)
        if step % 20 == 0:
            print(f"step {step} loss {loss.item():.4f}", flush=True)
        late = time.monotonic() - began_s > BREAKS_S
        if late and "raise" in how:
            raise ValueError("the loss of this batch is negative")
        if late and "lock" in how:
            wait_for_ever()
    if "rank" in how:
        torch.distributed.destroy_process_group()
    print("done", flush=True)


def wait_for_ever() -> None:
    """Wait forever for a lock that is already taken."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


if __name__ == "__main__":
    main(frozenset(sys.argv[1:]))
