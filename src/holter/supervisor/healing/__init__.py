"""What ends, restarts and saves a training, and decides when."""
