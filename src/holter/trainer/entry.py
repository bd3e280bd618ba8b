"""``nnUNetv2_train`` as ``holter train`` starts it: ``python -m holter.trainer.entry DATASET CONFIGURATION FOLD …``.

Everything is nnU-Net's own; only the search for the trainer's class is ours, because nnU-Net's imports all of its
trainers (and with them torchvision) to find one: nnunetv2/utilities/find_class_by_name.py.
"""

from __future__ import annotations


def main() -> None:
    """Train with the arguments of ``nnUNetv2_train``."""
    from nnunetv2.run import run_training

    from holter.trainer.find import find_trainer
    from holter.trainer.rank import run_rank

    run_training.recursive_find_trainer_class_by_name = find_trainer
    run_training.run_ddp = run_rank
    run_training.run_training_entry()


if __name__ == "__main__":
    main()
