"""The folder to set in ``nnUNet_extTrainer``; ``python -m holter.trainer.folder`` prints it."""
