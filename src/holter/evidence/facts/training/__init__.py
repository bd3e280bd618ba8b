"""Facts about the training: progress, workers, exports, errors, end."""
