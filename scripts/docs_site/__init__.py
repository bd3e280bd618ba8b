"""Build the documentation as a site that works without a network: `make docs-site`."""
