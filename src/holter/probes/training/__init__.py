"""Read what the training itself writes: heartbeat, log, preprocessed data."""
