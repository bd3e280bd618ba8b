"""Child processes with a deadline: what may hang is asked for there."""
