"""Read the machine, the control groups of the training, and the kernel log."""
