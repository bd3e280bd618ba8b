"""Trainers that cause a fault by themselves; nnU-Net finds them through nnUNet_extTrainer."""
