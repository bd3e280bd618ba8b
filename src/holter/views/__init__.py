"""Show a run live, in terminal, browser and as metrics; read the tape only."""
