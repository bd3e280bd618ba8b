"""A trainer of the user's own, as nnU-Net finds it through nnUNet_extTrainer: a few short epochs."""

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerTiny(nnUNetTrainer):  # noqa: N801 -- nnU-Net's own style
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):  # noqa: B008
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 5
        self.num_iterations_per_epoch = 12
        self.num_val_iterations_per_epoch = 2
