"""Diagnose any input: a tape, a PID, a folder, a log, pasted text or an evidence file."""
