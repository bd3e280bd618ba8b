"""Facts about the GPU: state, memory, compilation."""
