"""How often the recorder reads, and how long it continues after the training."""

TICK_S = 1.0
# After the end of the training: late log lines, exit codes of workers, ends of orphans.
LINGER_S = 2.5
