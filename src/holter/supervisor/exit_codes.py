"""Exit codes of a training under care, where they are not the training's own."""

# sysexits.h EX_TEMPFAIL: ended before it was finished, everything saved; a scheduler may start it again.
REQUEUE = 75
# Healing did not help: starting it again would only cost more. A scheduler must not.
GAVE_UP = 76
