"""A study on many hosts: the work is given to a cluster that somebody else runs."""
