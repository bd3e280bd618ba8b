"""The facts of an episode, one subject a file."""
