"""Record a training: read the probes every second, write the tape, investigate episodes."""
