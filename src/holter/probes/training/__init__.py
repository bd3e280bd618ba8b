"""What the training reports: heartbeat, log, preprocessed data."""
