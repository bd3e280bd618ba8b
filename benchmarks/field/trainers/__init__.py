"""A short trainer; nnU-Net finds it through nnUNet_extTrainer."""
