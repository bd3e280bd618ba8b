"""Read the GPUs: NVML in a child process, and nvidia-smi."""
