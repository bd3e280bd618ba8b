"""A trainer of two ranks on one CPU, over gloo: the first process starts the second one as a launcher would."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import time
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as stock  # noqa: N813 - a module
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from benchmarks.faults.trainers.armed import is_armed

RANKS = 2
TIMEOUT_S = 600  # as nnU-Net's with NCCL


def join() -> None:
    """Join both ranks through a file, and wrap the network for the CPU (nnU-Net wraps it for a GPU)."""
    rank = int(os.environ.get("RANK", "0"))
    meeting = os.environ["FAULTLAB_MEETING"]
    if rank == 0:
        subprocess.Popen(sys.orig_argv, env={**os.environ, "RANK": "1"})
    stock.DDP = lambda network, device_ids: DistributedDataParallel(network)  # noqa: ARG005
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=RANKS,
        timeout=datetime.timedelta(seconds=TIMEOUT_S),
    )


class nnUNetTrainerTwoRanks(stock.nnUNetTrainer):  # type: ignore[misc]
    """Stock training in two processes; armed, the second one sleeps in its step."""

    def __init__(self, plans: Any, configuration: Any, fold: Any, dataset_json: Any, device: Any) -> None:
        join()
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.device = torch.device("cpu")  # nnU-Net has ranks on GPUs only
        self.grad_scaler = None

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step."""
        if self.local_rank == 1 and is_armed():
            time.sleep(1e5)
        return super().train_step(batch)
