"""Finished batches: buffers, collating, and the copy to the device."""
