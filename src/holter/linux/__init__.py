"""Parse text files of the kernel: /proc and the list of mounts. Standard library only."""
