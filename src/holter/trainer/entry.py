"""``nnUNetv2_train`` as ``holter train`` starts it: ``python -m holter.trainer.entry DATASET CONFIGURATION FOLD …``.

Three things differ. First, the search for the trainer's class: nnU-Net imports all of its trainers (and with them
torchvision) to find one (nnunetv2/utilities/find_class_by_name.py). Second, with ``--loader holter`` or ``auto``, the
data loader. Third, a full disk for what is printed ends no training.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from typing import TYPE_CHECKING, Any

from holter.trainer.console import survive_full_disk
from holter.trainer.settings import LOADER, STRICT

if TYPE_CHECKING:
    from holter.records import Text

LOADERS = ("stock", "holter", "auto")
SEARCH = "recursive_find_trainer_class_by_name"  # of nnunetv2 2.8
OLDER_SEARCH = "recursive_find_python_class"  # arguments: folder, name, package


def main() -> None:
    """Train with the arguments of ``nnUNetv2_train``, ``--loader`` and ``--strict``."""
    survive_full_disk()
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--loader", choices=LOADERS, default=LOADERS[0])
    parser.add_argument("--strict", action="store_true")
    options, sys.argv[1:] = parser.parse_known_args()
    if options.strict:
        os.environ[STRICT] = "1"
    if options.loader == "auto" and not os.environ.get(LOADER):  # in the environment, so that all ranks have it
        os.environ[LOADER] = "auto"
    from nnunetv2.run import run_training

    replace_search(run_training, options.loader)
    run_training.run_ddp = functools.partial(run_rank, options.loader)
    run_training.run_training_entry()


def replace_search(run_training: Any, loader: str) -> None:
    """Put ``find`` in the place of the search in nnU-Net's module ``run_training``.

    Raises:  LoaderNotReplaced if ``loader`` is "holter" and this nnU-Net searches in another way.
    """
    if hasattr(run_training, SEARCH):
        setattr(run_training, SEARCH, functools.partial(find, loader=loader))
    elif hasattr(run_training, OLDER_SEARCH):
        setattr(run_training, OLDER_SEARCH, lambda _folder, name, *_: find(name, loader=loader))
    elif loader != "stock":
        from holter.errors import LoaderNotReplaced
        from holter.trainer.sentences import OTHER_SEARCH

        if loader != "auto":
            raise LoaderNotReplaced(OTHER_SEARCH())
        _print_stock(OTHER_SEARCH())


def find(name: str, *, loader: str) -> type[Any] | None:
    """Return the class of the trainer ``name``, with the data loader "stock", "holter" or "auto"; None if unknown.

    With "auto", the class keeps nnU-Net's loader if Holter's cannot be used.
    """
    from holter.trainer.find import find_trainer

    trainer_class = find_trainer(name)
    if loader == "stock" or trainer_class is None:
        return trainer_class
    try:
        from holter.trainer.loading import with_holter_loader

        return with_holter_loader(trainer_class)
    except Exception as error:  # an nnU-Net or torch that Holter's loader does not know
        if loader != "auto":
            raise
        _print_stock(f"{type(error).__name__}: {error}")
        return trainer_class


def _print_stock(reason: Text) -> None:
    from holter.trainer.loader_log import LoaderLog

    LoaderLog(functools.partial(print, file=sys.stderr)).say("stock", reason=reason)


def run_rank(loader: str, rank: int, *arguments: Any) -> None:
    """Run the process of one of several GPUs: it starts with an unpatched nnU-Net, so patch it here."""
    from nnunetv2.run import run_training

    replace_search(run_training, loader)
    run_training.run_ddp(rank, *arguments)


if __name__ == "__main__":
    main()
