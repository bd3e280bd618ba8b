"""Trainers for faults that are best made inside a worker; nnU-Net finds them through nnUNet_extTrainer."""
