"""Programs that users start, one per file."""
