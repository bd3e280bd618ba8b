"""A run as Prometheus metrics: a child process reads the tape and answers on a port or writes a text file."""
