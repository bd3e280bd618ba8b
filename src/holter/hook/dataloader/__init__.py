"""Watch PyTorch's DataLoader in the main process and in its workers, and replace workers that died or froze."""
