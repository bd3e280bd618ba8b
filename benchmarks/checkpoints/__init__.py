"""Saving checkpoints the safe way: how long the training waits, and one of more than 4 GiB."""
