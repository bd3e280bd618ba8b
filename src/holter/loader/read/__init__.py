"""Threads that read only the voxels that a batch needs."""
