"""What speaks to nnU-Net as a library; no other package imports it."""
