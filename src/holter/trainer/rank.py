"""One process of a training on several GPUs."""

from __future__ import annotations

from typing import Any


def run_rank(rank: int, *arguments: Any) -> None:
    """Stand for nnU-Net's ``run_ddp``, which is started in a new process for every GPU: what ``holter.trainer.entry``
    has replaced in the first process is nnU-Net's own again there.
    """
    from nnunetv2.run import run_training

    from holter.trainer.find import find_trainer

    run_training.recursive_find_trainer_class_by_name = find_trainer
    run_training.run_ddp(rank, *arguments)
