"""Facts about the training: progress, workers, exports, errors, and its end."""
