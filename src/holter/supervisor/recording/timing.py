"""How often the recorder looks, and how long it stays."""

TICK_S = 1.0
# After the training ended: late lines of its log, exit codes of workers, endings of orphans.
LINGER_S = 2.5
