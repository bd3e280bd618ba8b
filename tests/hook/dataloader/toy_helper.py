"""A training that starts another program when its epoch is over; the arguments say what that one does."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch.utils.data import DataLoader


def main(how: list[str]) -> None:
    """Train, or be the program that a training has started."""
    if "train" in how:
        for _ in DataLoader(list(range(8)), batch_size=2, shuffle=True):
            pass
        subprocess.run([sys.executable, __file__, *how[1:]], check=False)
        return
    with torch.set_grad_enabled("with-gradients" in how):
        for _ in DataLoader(list(range(8)), batch_size=2, num_workers=1):
            pass
    if "raises" in how:
        raise ValueError("this class does not exist")


if __name__ == "__main__":
    main(sys.argv[1:])
