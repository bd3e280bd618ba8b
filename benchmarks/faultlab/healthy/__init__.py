"""One file a variation: a healthy training that looks strange, and must stay silent. ``SCENARIO`` is the class."""
