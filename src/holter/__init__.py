"""Holter: a recorder for nnU-Net training that notices a stall and names its cause."""

__version__ = "0.1.0"
