"""How often the recorder reads, and how long it continues after the training."""

TICK_S = 1.0
# After the end of the training: late log lines, exit codes of workers, ends of orphans.
LINGER_S = 2.5
# After an end with exit code 0, nothing but the last lines of the console is missing: they take two readings.
QUICK_TICK_S = 0.25
QUICK_LINGER_S = 0.45
