"""Decide when to end, restart or save a training, and do it."""
