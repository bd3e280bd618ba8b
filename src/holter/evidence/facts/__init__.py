"""Facts of an episode, one subject per file."""
