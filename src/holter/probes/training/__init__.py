"""What the training tells: heartbeat, log, preprocessed data."""
