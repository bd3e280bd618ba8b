"""What happened to a run: its phases, the actions taken, its goodput, and its recovery after heals."""
