"""A training with MONAI's data set, transforms, loader, network and loss, on generated balls in noise."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from monai.data import DataLoader, Dataset
from monai.losses import DiceLoss
from monai.networks.nets import UNet
from monai.transforms import Compose, EnsureTyped, NormalizeIntensityd, RandFlipd, RandGaussianNoised

CASES, BATCH, EPOCHS = 80, 2, 18  # about seventy seconds
SIDE = 16


class Ball:
    """Generates one case: an image and its label."""

    def __call__(self, case: dict[str, int]) -> dict[str, Any]:
        """Return image and label of shape (1, 16, 16, 16)."""
        time.sleep(0.02)  # a small file
        rng = np.random.default_rng(case["case"])
        grid = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"))
        label = (np.square(grid - rng.uniform(4, 12, (3, 1, 1, 1))).sum(0) < 16)[None].astype(np.float32)
        return {"image": label + rng.normal(0, 0.5, label.shape).astype(np.float32), "label": label}


def main() -> None:
    """Train."""
    torch.set_num_threads(1)
    keys = ["image", "label"]
    augment = [
        Ball(),
        EnsureTyped(keys),
        NormalizeIntensityd(["image"]),
        RandFlipd(keys, prob=0.5, spatial_axis=0),
        RandGaussianNoised(["image"], prob=0.2),
    ]
    dataset = Dataset([{"case": number} for number in range(CASES)], Compose(augment))
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=2)
    network = UNet(3, 1, 1, channels=(4, 8), strides=(2,))
    loss_function, optimizer = DiceLoss(sigmoid=True), torch.optim.SGD(network.parameters(), lr=0.01)
    for epoch in range(EPOCHS):
        for batch in loader:
            loss = loss_function(network(batch["image"]), batch["label"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            time.sleep(0.05)
        print(f"epoch {epoch} loss {loss.item():.4f}", flush=True)
    print("done", flush=True)


if __name__ == "__main__":
    main()
