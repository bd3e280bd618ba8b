"""Choose the cases, boxes and random draws of a batch before anything is read."""
