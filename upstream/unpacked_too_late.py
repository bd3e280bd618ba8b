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
import json
from pathlib import Path

import torch
from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

if __name__ == "__main__":
    # Set nnUNet_preprocessed and nnUNet_results: the first data set with plans for 3d_fullres is taken.
    folders = [plans.parent for plans in sorted(Path(nnUNet_preprocessed or "none").glob("Dataset*/nnUNetPlans.json"))]
    if not folders:
        print("needs a preprocessed data set")
        raise SystemExit(77)
    plans, dataset = (json.loads((folders[0] / name).read_text()) for name in ("nnUNetPlans.json", "dataset.json"))
    plans["continue_training"] = False  # as run_training.py does
    with contextlib.redirect_stdout(None):  # it prints the plans at length
        trainer = nnUNetTrainer(plans, "3d_fullres", 0, dataset, device=torch.device("cpu"))
        trainer.initialize()
    order = []

    def noted(what, function):
        def call(*args, **kwargs):
            done = function(*args, **kwargs)
            order.append(what)
            return done

        return call

    trainer.get_dataloaders = noted("first batches", trainer.get_dataloaders)
    trainer.dataset_class.unpack_dataset = staticmethod(noted("unpacking", trainer.dataset_class.unpack_dataset))
    with contextlib.redirect_stdout(None):
        trainer.on_train_start()
    for loader in (trainer.dataloader_train, trainer.dataloader_val):
        if hasattr(loader, "_finish"):
            loader._finish()
    print("order of on_train_start:", " -> ".join(order))
    raise SystemExit(0 if order == ["first batches", "unpacking"] else 1)  # 0: the fault is there
