"""Diagnose any target: a tape, a PID, a folder, a log or pasted text."""
