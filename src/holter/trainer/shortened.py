"""nnU-Net's own training with fewer steps: ``python -m holter.trainer.shortened DATASET CONFIGURATION FOLD``.

Stock nnU-Net trains for 1000 epochs of 250 + 50 steps and has no option to do less. This module builds the stock
trainer object as ``nnUNetv2_train`` does, sets three numbers on it, and runs it: same data loader and worker
processes, same augmentation, log, checkpoints and final validation. Arguments that ``nnUNetv2_train`` has are the same.

nnU-Net is imported inside the functions: export workers import this file again (spawn) and must not run it.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from holter.trainer.entry import find
from holter.trainer.find import STOCK_TRAINER

EPOCHS = 4
ITERATIONS = 40  # some seconds of training: long enough for a fault in the middle of an epoch
VAL_ITERATIONS = 5

DEVICES = ("cpu", "cuda", "mps")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the parsed options. Only those that can be checked without nnU-Net are checked."""
    parser = argparse.ArgumentParser(prog="python -m holter.trainer.shortened", description="a shortened nnU-Net run")
    parser.add_argument("dataset", help="name or number")
    parser.add_argument("configuration")
    parser.add_argument("fold", help="number, or all")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="training steps per epoch")
    parser.add_argument("--val-iterations", type=int, default=VAL_ITERATIONS, help="validation steps per epoch")
    parser.add_argument("--initial-lr", type=float, help="learning rate of the first epoch; stock: 0.01")
    parser.add_argument("--save-every", type=int, help="epochs between checkpoints; stock: 50")
    parser.add_argument("-device", choices=DEVICES, default="cpu")
    parser.add_argument("-tr", default=STOCK_TRAINER, help="class of the trainer")
    parser.add_argument("-p", default="nnUNetPlans", help="name of the plans")
    parser.add_argument(
        "--seed", type=int, help="seed of the weights and of Holter's loader; nnU-Net's workers stay unseeded"
    )
    parser.add_argument("--c", action="store_true", help="continue from the latest checkpoint")
    parser.add_argument("--loader", choices=("holter", "stock"), default="stock", help="which data loader")
    parser.add_argument("--no-validation", action="store_true", help="leave out the final validation")
    parser.add_argument(
        "--train-step-delay-file",
        type=Path,
        help="simulation: while this file exists, every training step waits in one native call for the seconds in it",
    )
    return parser.parse_args(arguments)


def build(options: argparse.Namespace) -> Any:
    """Return the trainer object that ``nnunetv2.run.run_training`` would build, with the numbers of ``options``.

    These are the epochs and the steps per epoch and, if given, the first learning rate and the epochs between
    checkpoints.
    """
    trainer_class = find(options.tr, loader=options.loader)
    if trainer_class is None:
        raise RuntimeError(f"there is no trainer {options.tr}")
    trainer = make_trainer(
        trainer_class, options.dataset, options.configuration, options.fold,
        plans=options.p, device=options.device, continued=options.c,
    )  # fmt: skip
    trainer.num_epochs = options.epochs
    trainer.num_iterations_per_epoch = options.iterations
    trainer.num_val_iterations_per_epoch = options.val_iterations
    if options.initial_lr is not None:
        trainer.initial_lr = options.initial_lr
    if options.save_every is not None:
        trainer.save_every = options.save_every
    return trainer


def make_trainer(
    trainer_class: type[Any],
    dataset: str,
    configuration: str,
    fold: str,
    *,
    plans: str,
    device: str,
    continued: bool = False,
) -> Any:
    """Return a trainer as ``nnunetv2.run.run_training`` makes it. ``dataset``: name or number; ``plans``: name."""
    import torch
    from batchgenerators.utilities.file_and_folder_operations import load_json
    from nnunetv2.paths import nnUNet_preprocessed
    from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

    named = dataset if dataset.startswith("Dataset") else int(dataset)
    folder = Path(nnUNet_preprocessed) / maybe_convert_to_dataset_name(named)
    return trainer_class(
        plans={**load_json(str(folder / f"{plans}.json")), "continue_training": continued},
        configuration=configuration,
        fold=fold if fold == "all" else int(fold),
        dataset_json=load_json(str(folder / "dataset.json")),
        device=torch.device(device),
    )


def set_threads(device: str) -> None:
    """Set torch's threads in the main process: half of the usable CPUs on a CPU, else one, as stock does.

    On a CPU device, stock uses every CPU of the machine. The data workers then compete with the network for them, and
    the affinity set by a scheduler is ignored.
    """
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(max(1, usable // 2) if device == "cpu" else 1)


def set_seed(seed: int) -> None:
    """Seed the random generators of this process. Initial weights become repeatable, batches do not."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def delay_steps(trainer: Any, file: Path) -> None:
    """Simulate a slow GPU: while ``file`` exists, each optimiser step takes longer by the seconds in it.

    The main thread waits inside the stock ``train_step``, in a native call without the interpreter lock, like a
    thread that waits for a throttled GPU. The loader continues until its queues are full.
    """
    initialize = trainer.initialize

    def initialize_and_slow() -> None:
        initialize()
        trainer.optimizer.register_step_post_hook(lambda *_: wait_natively(read_delay_s(file)))

    trainer.initialize = initialize_and_slow


def read_delay_s(file: Path) -> float:
    """Return the seconds in ``file``; 0 if there is no file or no number in it (yet)."""
    try:
        return max(0.0, float(file.read_text()))
    except (OSError, ValueError):
        return 0.0


def wait_natively(delay_s: float) -> None:
    """Wait in libc, not in the interpreter; a signal does not shorten the wait."""
    if delay_s <= 0:
        return
    libc = ctypes.CDLL(None)
    end_s = time.monotonic() + delay_s
    while (left_s := end_s - time.monotonic()) > 0:
        libc.usleep(ctypes.c_uint32(int(left_s * 1e6) + 1))


def main(arguments: list[str] | None = None) -> int:
    """Train, validate, and return the exit code."""
    options = parse(arguments)
    set_threads(options.device)
    if options.seed is not None:
        set_seed(options.seed)
    trainer = build(options)
    if options.train_step_delay_file is not None:
        delay_steps(trainer, options.train_step_delay_file)
    from nnunetv2.run.run_training import maybe_load_checkpoint

    maybe_load_checkpoint(trainer, options.c, False, None)
    trainer.run_training()
    if not options.no_validation:
        trainer.perform_actual_validation(False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
