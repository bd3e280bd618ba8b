"""Write, verify and select checkpoints."""
