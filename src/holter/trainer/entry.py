"""``nnUNetv2_train`` as ``holter train`` starts it: ``python -m holter.trainer.entry DATASET CONFIGURATION FOLD …``.

Two things differ. First, the search for the trainer's class: nnU-Net imports all of its trainers (and with them
torchvision) to find one (nnunetv2/utilities/find_class_by_name.py). Second, with ``--loader holter`` or ``auto``, the
data loader.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from typing import Any

from holter.trainer.settings import LOADER, STRICT

LOADERS = ("stock", "holter", "auto")


def main() -> None:
    """Train with the arguments of ``nnUNetv2_train``, ``--loader`` and ``--strict``."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--loader", choices=LOADERS, default=LOADERS[0])
    parser.add_argument("--strict", action="store_true")
    options, sys.argv[1:] = parser.parse_known_args()
    if options.strict:
        os.environ[STRICT] = "1"
    if options.loader == "auto" and not os.environ.get(LOADER):  # in the environment, so that all ranks have it
        os.environ[LOADER] = "auto"
    from nnunetv2.run import run_training

    run_training.recursive_find_trainer_class_by_name = functools.partial(find, loader=options.loader)
    run_training.run_ddp = functools.partial(run_rank, options.loader)
    run_training.run_training_entry()


def find(name: str, *, loader: str) -> type[Any]:
    """Return the class of the trainer ``name``, with the data loader "stock", "holter" or "auto".

    With "auto", the class keeps nnU-Net's loader if Holter's cannot be used.
    """
    from holter.trainer.find import find_trainer

    trainer_class = find_trainer(name)
    if loader == "stock":
        return trainer_class
    try:
        from holter.trainer.loading import with_holter_loader

        return with_holter_loader(trainer_class)
    except Exception as error:  # an nnU-Net or torch that Holter's loader does not know
        if loader != "auto":
            raise
        print(f"holter: nnU-Net's own data loader is used: {type(error).__name__}: {error}", file=sys.stderr)
        return trainer_class


def run_rank(loader: str, rank: int, *arguments: Any) -> None:
    """Run the process of one of several GPUs: it starts with an unpatched nnU-Net, so patch it here."""
    from nnunetv2.run import run_training

    run_training.recursive_find_trainer_class_by_name = functools.partial(find, loader=loader)
    run_training.run_ddp(rank, *arguments)


if __name__ == "__main__":
    main()
