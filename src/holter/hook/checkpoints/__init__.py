"""Safe checkpoints: written, verified and chosen to resume from."""
