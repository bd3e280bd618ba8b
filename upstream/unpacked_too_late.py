"""The first batches are drawn before the data set is unpacked.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`on_train_start` calls `get_dataloaders()`, which ends with a first batch of each loader, and only then
`unpack_dataset`. With `.npz` data (preprocessed by nnU-Net 2.5 or older) the workers decompress whole archives for
these batches, while, or before, the `.npy` files are written beside them. (`.b2nd` data needs no unpacking.)

Proposed change:
Unpack first; the block needs nothing of the loaders.

Measured effect:
None in numbers; the order is what is wrong.
"""

import contextlib
from unittest.mock import MagicMock

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

if __name__ == "__main__":
    order = []
    trainer = MagicMock()  # nnU-Net's method runs; what it calls on the trainer is only noted
    trainer.local_rank = 0
    trainer.is_ddp = False
    trainer.get_dataloaders.side_effect = lambda: order.append("first batches") or (None, None)
    trainer.dataset_class.unpack_dataset.side_effect = lambda *_, **__: order.append("unpacking")
    with contextlib.suppress(TypeError, OSError):  # it goes on to write files into a folder that is none
        nnUNetTrainer.on_train_start(trainer)
    print("order of on_train_start:", " -> ".join(order))
    raise SystemExit(0 if order == ["first batches", "unpacking"] else 1)  # 0: the fault is there
