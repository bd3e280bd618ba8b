"""Safe checkpoints: write, verify and select them."""
