"""Rotation, scaling and cropping of image and segmentation."""
