"""Measure the free space of the training's folders and the time of small reads."""
