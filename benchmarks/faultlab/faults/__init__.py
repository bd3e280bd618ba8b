"""One file a fault: how it is made and undone, and which cause is true. ``SCENARIO`` is the class."""
