"""Which cases, which boxes and which random draws make batch n: decided before anything is read."""
