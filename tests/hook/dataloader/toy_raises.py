"""A training that ends with an exception: in the middle of its epoch, or after it has left that; the argument says."""

from __future__ import annotations

import sys

from torch.utils.data import DataLoader


def shown(batches):
    """A generator around the loader, as a progress bar is."""
    yield from batches


def train(how):
    """Train one epoch; leave it in the way that was asked for."""
    loader = DataLoader(list(range(40)), batch_size=4, num_workers=1)
    for count, _ in enumerate(shown(loader) if how == "shown" else loader):
        if count == 3 and how == "left":
            break
        if count == 3 and how != "over":
            raise ValueError("the loss is negative")


if __name__ == "__main__":
    train(sys.argv[1])
    raise ValueError("the score is negative")
