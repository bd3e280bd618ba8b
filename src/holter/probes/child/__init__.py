"""Child processes with a deadline, for calls that may hang."""
