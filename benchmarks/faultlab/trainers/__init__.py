"""Trainers in which something goes wrong by itself; nnU-Net finds them through nnUNet_extTrainer."""
