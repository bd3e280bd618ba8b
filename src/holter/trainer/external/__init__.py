"""The folder that ``nnUNet_extTrainer`` can name; ``python -m holter.trainer.folder`` prints it."""
