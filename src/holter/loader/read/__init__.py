"""Read only the voxels that a batch needs, in threads."""
