"""Replace the process pools that export predictions, so that a dead worker loses no case."""
