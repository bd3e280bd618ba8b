"""The machine and the data -> facts of a ``Survey``; calls that could block run in a child with a deadline."""
