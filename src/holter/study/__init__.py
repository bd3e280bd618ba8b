"""`holter study`: many trainings as one: what is done and missing, a queue on GPUs or CPUs, Slurm arrays."""
