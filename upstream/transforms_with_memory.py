"""Two transforms change themselves, so that a sample depends on the samples before it.

For: batchgeneratorsv2 0.3.6, https://github.com/MIC-DKFZ/batchgeneratorsv2

`ApplyRandomBinaryOperatorTransform` and `RemoveRandomConnectedComponentFromOneHotEncodingTransform` shuffle their own
`channel_idx` in place. The same random state therefore gives another result after another history: nothing can be
repeated, not even with all seeds set. In the same package `GaussianNoiseTransform` uses its `noise_variance` as a
standard deviation (the second half of the program).

Proposed change:
Shuffle a copy (`np.random.permutation(self.channel_idx)`). For the noise: take the root, or rename the argument,
because trained settings depend on today's meaning.

Measured effect:
The program prints it.
"""

import numpy as np
import torch
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.nnunet.random_binary_operator import ApplyRandomBinaryOperatorTransform


def drawn(transform):
    np.random.seed(1)
    torch.manual_seed(1)
    return transform.get_parameters(image=torch.zeros(8, 4, 4))["apply_to_channels"]


if __name__ == "__main__":
    transform = ApplyRandomBinaryOperatorTransform(list(range(8)), p_per_label=1)
    first, second = drawn(transform), drawn(transform)
    print("same seed, same transform:", [int(c) for c in first], "then", [int(c) for c in second])
    noise = GaussianNoiseTransform(noise_variance=(0.04, 0.04), p_per_channel=1)
    variance = noise(image=torch.zeros(1, 100, 100, 100))["image"].var().item()
    print(f"noise_variance=0.04 adds noise of variance {variance:.4f}")
    raise SystemExit(0 if first != second else 1)  # 0: the fault is there
