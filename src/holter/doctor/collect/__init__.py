"""The machine and the data -> facts of a ``Survey``; what could block runs in a child with a deadline."""
