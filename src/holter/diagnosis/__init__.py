"""From whatever a person has (a tape, a PID, a folder, a log, pasted text) to diagnoses."""
