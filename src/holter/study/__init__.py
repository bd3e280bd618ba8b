"""``holter study``: many trainings together: what is done and missing, a queue on GPUs or CPUs, Slurm arrays."""
