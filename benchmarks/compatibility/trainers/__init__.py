"""Trainers that are copied into a version of nnU-Net."""
