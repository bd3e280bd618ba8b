"""Kill and stop workers of PyTorch's DataLoader at random moments, and compare every batch with the undisturbed run."""
