"""Choose the cases, boxes and random draws of batch n before anything is read."""
