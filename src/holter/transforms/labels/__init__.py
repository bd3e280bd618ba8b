"""Transforms of the segmentation, and of channels derived from it."""
