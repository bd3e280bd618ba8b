"""Folds that start together: which one prepares the data, which ones wait, and in which order."""
