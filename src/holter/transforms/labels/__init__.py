"""Transforms of the segmentation, and of what is derived from it."""
