"""Rotate, scale and crop image and segmentation."""
