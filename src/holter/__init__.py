"""Record nnU-Net training, notice a stall, and name its cause."""

__version__ = "0.1.0"
