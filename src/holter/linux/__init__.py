"""Parse text files of the kernel, with the standard library alone: /proc, mounts, control groups, system calls."""
