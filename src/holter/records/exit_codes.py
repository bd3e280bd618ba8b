"""Exit codes of a supervised training that differ from the training's own."""

# EX_TEMPFAIL of sysexits.h: saved and stopped before it was finished; a scheduler may start it again.
REQUEUE = 75
# Healing did not help. A scheduler must not start it again: that would only cost more.
GAVE_UP = 76
# As of a shell after Ctrl-C: 128 + SIGINT.
INTERRUPTED = 130
