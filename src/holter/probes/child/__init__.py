"""Make calls that may hang in child processes with a deadline."""
