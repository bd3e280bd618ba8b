"""One file per fault: how it is made and undone, and its true cause. ``SCENARIO`` is the class."""
