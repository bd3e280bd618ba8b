"""Parse text files of the kernel, with the standard library alone: /proc and the list of mounts."""
