"""A study that something else starts: a cluster, or the service manager of a machine."""
