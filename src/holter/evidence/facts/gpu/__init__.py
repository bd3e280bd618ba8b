"""Facts about the GPU: its state, its memory, compiling."""
