"""The folder that nnU-Net searches for ``nnUNetTrainerHolter``.

``python -m holter.trainer.folder`` prints its path, the value for ``nnUNet_extTrainer``.
"""
