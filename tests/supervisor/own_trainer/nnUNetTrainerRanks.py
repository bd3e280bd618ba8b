"""A short trainer for nnU-Net's own DDP on a machine without GPUs: each rank computes on the CPU."""

import torch
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as stock  # noqa: N813 - a module
from torch.nn.parallel import DistributedDataParallel

# nnU-Net wraps the network for a GPU.
stock.DDP = lambda network, device_ids: DistributedDataParallel(network)


class nnUNetTrainerRanks(stock.nnUNetTrainer):  # noqa: N801 -- nnU-Net's own style
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):  # noqa: B008
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.device = torch.device("cpu")
        self.grad_scaler = None
        self.num_epochs = 4
        self.num_iterations_per_epoch = 12
        self.num_val_iterations_per_epoch = 2

    def perform_actual_validation(self, save_probabilities=False):
        pass
