"""The code that uses nnU-Net as a library; no other package imports it."""
