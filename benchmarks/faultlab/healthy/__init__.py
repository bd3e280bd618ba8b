"""One file per variation: a healthy training that looks strange; Holter must stay silent. ``SCENARIO`` is the class."""
