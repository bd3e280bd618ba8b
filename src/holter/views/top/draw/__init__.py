"""A view -> lines of a terminal, in any size; the same for the live screen, ``--once`` and ``--plain``."""
