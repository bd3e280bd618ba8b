"""From probes to the tape: sources, clock, scratch folder, recorder."""
