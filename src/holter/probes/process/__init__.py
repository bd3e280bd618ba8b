"""The processes of a training."""
