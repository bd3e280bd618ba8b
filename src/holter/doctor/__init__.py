"""Check machine, environment and data before a training, and say go or what to change.

``collect/`` gathers facts into a ``Survey``; ``checks/`` are pure functions of it; ``compare`` compares two surveys.
Nothing is imported here: who only looks up a data set needs no check, and the checks need all causes.
"""
