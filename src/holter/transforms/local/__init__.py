"""Transforms that change a part of the image more than the rest, as `nnUNetTrainerDA5` has them."""
