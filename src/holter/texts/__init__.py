"""Pure parsers of texts by nnU-Net, PyTorch, Slurm, the kernel and tools: logs, tracebacks, plans, commands."""
