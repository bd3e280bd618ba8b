"""Text files of the kernel: /proc, mounts, control groups, system calls. Standard library only."""
