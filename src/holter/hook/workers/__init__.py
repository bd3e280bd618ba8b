"""Data workers: their beats, their failures, their replacement."""
