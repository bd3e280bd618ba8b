"""Faults for real trainings, and healthy trainings that look strange; ``faultlab`` and ``survival`` play them."""
