"""The measuring side of ``holter bench``, in the training's Python: the trainer's own step, loaders and files."""
