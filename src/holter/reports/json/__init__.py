"""A diagnosis as the JSON document that ``--json`` prints, and the records that its schema is made from."""
