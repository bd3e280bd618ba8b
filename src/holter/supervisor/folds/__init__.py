"""Decide which of several folds prepares the data, and let the others wait."""
