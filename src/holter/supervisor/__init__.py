"""Launch, watch and act: the only package that affects the run."""
