"""Folds that start together: who prepares, who waits, and whose turn it is."""
