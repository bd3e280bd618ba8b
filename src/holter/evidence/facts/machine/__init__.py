"""Facts about the machine: CPU, memory, disks, limits, software."""
