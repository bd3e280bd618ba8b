"""Parse texts that nnU-Net, PyTorch, Slurm, the kernel and tools write: logs, tracebacks, plans, commands."""
