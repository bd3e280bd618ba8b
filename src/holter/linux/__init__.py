"""What the kernel tells in text files: /proc and the list of mounts. Standard library only."""
