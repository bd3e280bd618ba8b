"""Launch, watch, act: the only package with effects on the run."""
