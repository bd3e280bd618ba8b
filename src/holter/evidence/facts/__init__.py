"""State the facts of an episode, one file per subject."""
