"""nnU-Net's default trainer with Holter's data loader, for ``nnUNetv2_train … -tr nnUNetTrainerHolter``."""  # noqa: N999 -- as nnU-Net names them

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from holter.trainer.loading import with_holter_loader


class nnUNetTrainerHolter(with_holter_loader(nnUNetTrainer)):  # type: ignore[misc] # noqa: N801 -- nnU-Net's own style
    """A trainer with its own results folder; its checkpoints also load where Holter is not installed."""

    holter_saved_as = "nnUNetTrainer"
