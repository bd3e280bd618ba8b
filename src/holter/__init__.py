"""Record nnU-Net training, notice a stall, and name its cause."""

__version__ = "0.2.0"
