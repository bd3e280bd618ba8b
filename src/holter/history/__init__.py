"""History of a run: its phases, the actions taken, its goodput, and its recovery after heals."""
