"""The two-minute demonstration: a real nnU-Net training on generated brain images, and a real fault.

The package imports neither torch nor nnU-Net nor numpy: data, preparation and training run as separate commands.
"""
