"""Train nnU-Net on generated brain images, cause a real fault, and show what Holter finds.

The package imports neither torch nor nnU-Net nor numpy: data, preparation and training run as separate commands.
"""
