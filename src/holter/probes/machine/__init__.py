"""The machine and its control groups."""
